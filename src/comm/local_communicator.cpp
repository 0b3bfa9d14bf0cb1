#include "comm/local_communicator.h"

#include <ATen/core/Tensor.h>

#include "comm/reduce.h"
#include "core/clock.h"
#include "core/error.h"

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
  if (!is_reducible(tensor.scalar_type()))
    throw core::Error(std::string("all_reduce does not take ") + c10::toString(tensor.scalar_type()) +
                      " tensors: float32, float64, float16, bfloat16 or int64");
  return record(Operation::kAllReduce, bytes_of(tensor), core::steady_ns());
}

std::shared_ptr<Work> LocalCommunicator::broadcast(at::Tensor tensor, int root) {
  if (root != 0) throw core::Error("broadcast from rank " + std::to_string(root) + ": no such rank");
  return record(Operation::kBroadcast, bytes_of(tensor), core::steady_ns());
}

std::shared_ptr<Work> LocalCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  const std::int64_t start_ns = core::steady_ns();
  output.view({-1}).copy_(input.reshape({-1}));
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
