#include "comm/local_communicator.h"

#include <ATen/core/Tensor.h>

#include <optional>

#include "comm/checks.h"
#include "core/clock.h"

namespace trainyard::comm {
namespace {

class EndedWork : public Work {
 public:
  explicit EndedWork(Interval interval) : interval_(interval) {}
  void wait() override {}
  bool done() override { return true; }
  Interval interval() const override { return interval_; }

 private:
  Interval interval_;
};

std::int64_t bytes_of(const at::Tensor& tensor) {
  return static_cast<std::int64_t>(tensor.nbytes());
}

}  // namespace

std::shared_ptr<Work> LocalCommunicator::all_reduce(at::Tensor tensor, ReduceOp) {
  check_all_reduce(tensor, std::nullopt);
  return record(Operation::kAllReduce, bytes_of(tensor), core::steady_ns());
}

std::shared_ptr<Work> LocalCommunicator::broadcast(at::Tensor tensor, int root) {
  check_broadcast(tensor, root, size(), std::nullopt);
  return record(Operation::kBroadcast, bytes_of(tensor), core::steady_ns());
}

std::shared_ptr<Work> LocalCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  check_all_gather(output, input, size(), std::nullopt);
  const std::int64_t start_ns = core::steady_ns();
  output.view({-1}).copy_(input.as_strided({input.numel()}, {1}));  // as it lies in memory, like the other backends
  return record(Operation::kAllGather, bytes_of(input), start_ns);
}

void LocalCommunicator::barrier() {
  record(Operation::kBarrier, 0, core::steady_ns());
}

std::shared_ptr<Work> LocalCommunicator::record(Operation operation, std::int64_t bytes, std::int64_t start_ns) {
  const Interval interval{start_ns, start_ns, core::steady_ns()};
  ledger_.finish({ledger_.next(), operation, bytes, interval});
  return std::make_shared<EndedWork>(interval);
}

}  // namespace trainyard::comm
