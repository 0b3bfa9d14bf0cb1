#include "timing/cuda_stream_clock.h"

#include <ATen/cuda/CUDAEvent.h>

#include <cmath>
#include <mutex>
#include <vector>

#include "core/clock.h"

namespace trainyard::timing {
namespace {

/// Creating an event costs more than recording it: marks give theirs back here.
class EventPool : public std::enable_shared_from_this<EventPool> {
 public:
  std::shared_ptr<void> take() {
    std::unique_ptr<at::cuda::CUDAEvent> event;
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        event = std::move(free_.back());
        free_.pop_back();
      }
    }
    if (!event) event = std::make_unique<at::cuda::CUDAEvent>(cudaEventDefault);
    event->record();
    return {event.release(), [pool = shared_from_this()](void* pointer) {
              std::unique_ptr<at::cuda::CUDAEvent> returned(static_cast<at::cuda::CUDAEvent*>(pointer));
              const std::lock_guard lock(pool->mutex_);
              pool->free_.push_back(std::move(returned));
            }};
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<at::cuda::CUDAEvent>> free_;
};

at::cuda::CUDAEvent& event_of(const Mark& mark) {
  return *static_cast<at::cuda::CUDAEvent*>(mark.event.get());
}

class CudaClock final : public StreamClock {
 public:
  Mark mark() override { return {core::steady_ns(), pool_->take()}; }
  bool passed(const Mark& mark) const override { return event_of(mark).query(); }
  void wait(const Mark& mark) const override { event_of(mark).synchronize(); }
  std::int64_t interval_ns(const Mark& from, const Mark& to) const override {
    constexpr double kNsPerMs = 1e6;
    return std::llround(static_cast<double>(event_of(from).elapsed_time(event_of(to))) * kNsPerMs);
  }

 private:
  std::shared_ptr<EventPool> pool_ = std::make_shared<EventPool>();
};

}  // namespace

std::unique_ptr<StreamClock> make_cuda_stream_clock() {
  return std::make_unique<CudaClock>();
}

}  // namespace trainyard::timing
