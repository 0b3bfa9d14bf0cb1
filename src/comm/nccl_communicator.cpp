#include "comm/nccl_communicator.h"

#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "comm/reduce.h"
#include "comm/values.h"
#include "core/clock.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{100};
constexpr std::int64_t kAnchorInterval_ns = 1'000'000'000;

std::string shared_id(Communicator& control) {
  return broadcast(control, control.rank() == 0 ? nccl::unique_id() : std::string());
}

}  // namespace

class NcclWork : public Work {
 public:
  NcclWork(NcclCommunicator& owner, const Call& made, std::vector<at::Tensor> tensors,
           std::shared_ptr<const CudaAnchor> anchor)
      : call(made), owner_(owner), tensors_(std::move(tensors)), anchor_(std::move(anchor)) {}

  void wait() override {
    owner_.throw_if_failed();
    end.block(c10::cuda::getCurrentCUDAStream(owner_.device_.index()));
  }

  bool done() override { return end.has_passed(); }

  Interval interval() const override { return {enqueue_ns, anchor_->steady_ns(start), anchor_->steady_ns(end)}; }

  const Call call;
  const std::int64_t enqueue_ns = core::steady_ns();
  CudaEvent start{CudaEvent::Kind::kTimed};
  CudaEvent end{CudaEvent::Kind::kTimed};
  std::optional<Limit> limit;  ///< set when the watcher sees that it has begun

 private:
  NcclCommunicator& owner_;
  const std::vector<at::Tensor> tensors_;
  const std::shared_ptr<const CudaAnchor> anchor_;
};

NcclCommunicator::NcclCommunicator(Communicator& control, std::unique_ptr<HostTransport> agreement, at::Device device,
                                   NcclCommunicatorOptions options)
    : rank_(control.rank()),
      size_(control.size()),
      device_(device),
      options_(options),
      exceptions_at_start_(std::uncaught_exceptions()),
      agreement_transport_(std::move(agreement)),
      agreement_(agreement_transport_ ? std::make_unique<AgreementCheck>(*agreement_transport_, size_) : nullptr),
      stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())),
      anchor_stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())),
      token_(at::zeros({1}, at::TensorOptions().dtype(at::kLong).device(device))),
      comm_(shared_id(control), rank_, size_, Limit(options.deadline)),
      anchor_(std::make_shared<CudaAnchor>(anchor_stream_)),
      watcher_([this] { watch(); }) {}

NcclCommunicator::~NcclCommunicator() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_at_start_;
  {
    const std::lock_guard lock(mutex_);
    if (unwinding) fail(lock, "given up, because this rank failed elsewhere");
    stopping_ = true;
  }
  stop_.notify_all();
  watcher_.join();
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) {
    try {
      const c10::cuda::CUDAGuard guard(device_);
      const Limit limit(options_.deadline);
      poll_until(
          [&] {
            comm_.check_health();
            harvest(lock);
            return running_.empty();
          },
          limit);
      comm_.finalize(limit);
    } catch (const std::exception& error) {
      fail(lock, error.what());  // nobody is left to tell
    }
  }
  // An exchange of the agreement check may be unfinished after an error.
  if (!failure_.empty()) {
    static_cast<void>(agreement_.release());
    static_cast<void>(agreement_transport_.release());
  }
}

std::shared_ptr<Work> NcclCommunicator::all_reduce(at::Tensor tensor, ReduceOp op) {
  require_device(tensor, Operation::kAllReduce);
  if (!is_reducible(tensor.scalar_type()))
    throw core::Error(std::string("all_reduce does not take ") + c10::toString(tensor.scalar_type()) +
                      " tensors: float32, float64, float16, bfloat16 or int64");
  const Call call{0, Operation::kAllReduce, tensor.scalar_type(), tensor.numel(), static_cast<int>(op)};
  void* data = tensor.data_ptr();
  return submit(call, {std::move(tensor)}, [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
    comm.all_reduce(data, call.elements, call.type, op, stream, limit);
  });
}

std::shared_ptr<Work> NcclCommunicator::broadcast(at::Tensor tensor, int root) {
  require_device(tensor, Operation::kBroadcast);
  if (root < 0 || root >= size_) throw core::Error("broadcast from rank " + std::to_string(root) + ": no such rank");
  const Call call{0, Operation::kBroadcast, tensor.scalar_type(), tensor.numel(), root};
  void* data = tensor.data_ptr();
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  return submit(call, {std::move(tensor)}, [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
    comm.broadcast(data, bytes, root, stream, limit);
  });
}

std::shared_ptr<Work> NcclCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  require_device(output, Operation::kAllGather);
  require_device(input, Operation::kAllGather);
  if (!output.is_contiguous() || output.scalar_type() != input.scalar_type() || output.numel() != size_ * input.numel())
    throw core::Error("all_gather wants a contiguous output of " + std::to_string(size_ * input.numel()) + " " +
                      c10::toString(input.scalar_type()) + "; got " + std::to_string(output.numel()) + " " +
                      c10::toString(output.scalar_type()));
  const Call call{0, Operation::kAllGather, input.scalar_type(), input.numel(), 0};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const auto bytes = static_cast<std::int64_t>(input.nbytes());
  return submit(call, {std::move(output), std::move(input)},
                [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
                  comm.all_gather(to, from, bytes, stream, limit);
                });
}

// NCCL has no barrier: the ranks reduce one number, and the host waits for it.
void NcclCommunicator::barrier() {
  const Call call{0, Operation::kBarrier, at::kLong, 0, 0};
  const std::shared_ptr<NcclWork> work =
      submit(call, {token_}, [this](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
        comm.all_reduce(token_.data_ptr(), 1, at::kLong, ReduceOp::kMax, stream, limit);
      });
  Backoff backoff;  // no deadline of its own: when the watcher aborts, the collective ends
  while (!work->done())
    backoff.pause();
  throw_if_failed();
}

std::shared_ptr<NcclWork> NcclCommunicator::submit(Call call, std::vector<at::Tensor> tensors, const Action& action) {
  call.sequence = ledger_.next();
  const c10::cuda::CUDAGuard guard(device_);
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw core::Error(failure_);
  harvest(lock);
  auto work = std::make_shared<NcclWork>(*this, call, std::move(tensors), anchor_);
  try {
    const Limit limit(options_.deadline);
    if (agreement_) (*agreement_)(call, limit);
    ready_.record(c10::cuda::getCurrentCUDAStream(device_.index()));
    ready_.block(stream_);
    work->start.record(stream_);
    action(comm_, stream_, limit);
    work->end.record(stream_);
  } catch (const std::exception& error) {
    fail(lock, in_context(call, error.what()));
    throw core::Error(failure_);
  }
  running_.push_back(work);
  return work;
}

void NcclCommunicator::require_device(const at::Tensor& tensor, Operation operation) const {
  if (tensor.defined() && tensor.device() == device_ && tensor.is_non_overlapping_and_dense()) return;
  throw core::Error(std::string(name(operation)) + " takes dense tensors on " + device_.str() + "; got " +
                    (!tensor.defined()            ? "none"
                     : tensor.device() == device_ ? "one with gaps"
                                                  : "one on " + tensor.device().str()));
}

std::string NcclCommunicator::in_context(const Call& call, const std::string& message) const {
  return describe(call) + " #" + std::to_string(call.sequence) + " on rank " + std::to_string(rank_) + " of " +
         std::to_string(size_) + ": " + message;
}

std::vector<CollectiveRecord> NcclCommunicator::drain_ledger() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) harvest(lock);
  }
  return ledger_.drain();
}

void NcclCommunicator::harvest(const std::lock_guard<std::mutex>&) {
  while (!running_.empty() && running_.front()->done()) {
    const NcclWork& work = *running_.front();
    const auto bytes = work.call.elements * static_cast<std::int64_t>(c10::elementSize(work.call.type));
    ledger_.finish({work.call.sequence, work.call.operation, bytes, work.interval()});
    running_.pop_front();
  }
}

void NcclCommunicator::fail(const std::lock_guard<std::mutex>&, std::string message) {
  if (failure_.empty()) failure_ = std::move(message);
  comm_.abort();
}

void NcclCommunicator::throw_if_failed() {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw core::Error(failure_);
}

void NcclCommunicator::watch() {
  pthread_setname_np(pthread_self(), "ty-nccl-watch");
  const c10::cuda::CUDAGuard guard(device_);
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (stop_.wait_for(lock, kWatchInterval, [&] { return stopping_ || !failure_.empty(); })) return;
    }
    const std::lock_guard lock(mutex_);
    if (failure_.empty() && !stopping_) check_running(lock);
  }
}

void NcclCommunicator::check_running(const std::lock_guard<std::mutex>& locked) {
  try {
    comm_.check_health();
    harvest(locked);
    if (!running_.empty()) {
      NcclWork& oldest = *running_.front();
      if (oldest.limit)
        oldest.limit->check();
      else if (oldest.start.has_passed())
        oldest.limit.emplace(options_.deadline);
    }
    if (core::steady_ns() - anchor_->taken_ns() > kAnchorInterval_ns)
      anchor_ = std::make_shared<CudaAnchor>(anchor_stream_);
  } catch (const std::exception& error) {
    fail(locked, running_.empty() ? std::string("NCCL on rank ") + std::to_string(rank_) + ": " + error.what()
                                  : in_context(running_.front()->call, error.what()));
  }
}

}  // namespace trainyard::comm
