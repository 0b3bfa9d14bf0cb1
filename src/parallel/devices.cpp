#include "parallel/devices.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <fmt/format.h>

#include "core/error.h"

namespace trainyard::parallel {
namespace {

class EndedTransfer final : public comm::Work {
 public:
  explicit EndedTransfer(comm::Interval interval) : interval_(interval) {}
  void wait() override {}
  bool done() override { return true; }
  comm::Interval interval() const override { return interval_; }

 private:
  comm::Interval interval_;
};

}  // namespace

std::vector<at::Device> devices_from(at::Device first, int count) {
  if (first.is_cpu()) return std::vector<at::Device>(static_cast<std::size_t>(count), first);
  const int present = at::detail::getCUDAHooks().deviceCount();
  if (first.index() + count > present) {
    throw core::UsageError(fmt::format("devices = {} from {} on are more than the {} of this machine: lower devices",
                                       count, first.str(), present));
  }
  std::vector<at::Device> devices;
  for (int i = 0; i < count; ++i)
    devices.emplace_back(first.type(), static_cast<at::DeviceIndex>(first.index() + i));
  return devices;
}

std::shared_ptr<comm::Work> ended_transfer(std::int64_t start_ns, std::int64_t end_ns) {
  return std::make_shared<EndedTransfer>(comm::Interval{start_ns, start_ns, end_ns});
}

}  // namespace trainyard::parallel
