#include "timing/stream_clock.h"

#include "core/clock.h"
#include "core/error.h"
#include "timing/cuda_stream_clock.h"

namespace trainyard::timing {
namespace {

class HostClock final : public StreamClock {
 public:
  Mark mark() override { return {core::steady_ns(), nullptr}; }
  bool passed(const Mark& /*mark*/) const override { return true; }
  void wait(const Mark& /*mark*/) const override {}
  std::int64_t interval_ns(const Mark& from, const Mark& to) const override { return to.host_ns - from.host_ns; }
};

}  // namespace

std::unique_ptr<StreamClock> make_stream_clock(at::Device device) {
  if (device.is_cpu()) return std::make_unique<HostClock>();
#ifdef TRAINYARD_HAS_CUDA
  return make_cuda_stream_clock();
#else
  throw core::Error("device cuda: this build has no CUDA; build with a LibTorch that has, or set device = cpu");
#endif
}

}  // namespace trainyard::timing
