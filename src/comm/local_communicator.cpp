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

/// By the order in memory, like the other backends.
void copy_as_it_lies(const at::Tensor& output, const at::Tensor& input) {
  if (output.const_data_ptr() == input.const_data_ptr()) return;
  output.as_strided({output.numel()}, {1}).copy_(input.as_strided({input.numel()}, {1}));
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
  check_all_gather(output, input, rank(), size(), std::nullopt);
  const std::int64_t start_ns = core::steady_ns();
  copy_as_it_lies(output, input);
  return record(Operation::kAllGather, bytes_of(input), start_ns);
}

std::shared_ptr<Work> LocalCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp) {
  check_reduce_scatter(output, input, rank(), size(), std::nullopt);
  const std::int64_t start_ns = core::steady_ns();
  copy_as_it_lies(output, input);
  return record(Operation::kReduceScatter, bytes_of(input), start_ns);
}

std::shared_ptr<Work> LocalCommunicator::exchange(std::vector<P2P> messages) {
  check_exchange(messages, rank(), size(), std::nullopt);  // nobody is there to exchange with
  return record(Operation::kExchange, 0, core::steady_ns());
}

void LocalCommunicator::barrier() {
  record(Operation::kBarrier, 0, core::steady_ns());
}

std::unique_ptr<Communicator> LocalCommunicator::split(int color, int /*key*/) {
  check_split(color);
  record(Operation::kSplit, 0, core::steady_ns());
  return std::make_unique<LocalCommunicator>();
}

std::shared_ptr<Work> LocalCommunicator::record(Operation operation, std::int64_t bytes, std::int64_t start_ns) {
  const Interval interval{start_ns, start_ns, core::steady_ns()};
  ledger_.finish({ledger_.next(operation), operation, bytes, interval});
  return std::make_shared<EndedWork>(interval);
}

}  // namespace trainyard::comm
