#include "comm/nccl_communicator.h"

#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAGuard.h>
#include <pthread.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "comm/checks.h"
#include "comm/local_communicator.h"
#include "comm/mpi_transport.h"
#include "comm/values.h"
#include "core/clock.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{100};
constexpr std::int64_t kAnchorInterval_ns = 1'000'000'000;
constexpr std::int64_t kAnchorPrecision_ns = 100'000;
constexpr std::chrono::milliseconds kAnchorPatience{1};
constexpr Awaited kItsTurn{"to begin", "what this rank's device computes before it does not end"};

std::string shared_id(Communicator& control) {
  return broadcast(control, control.rank() == 0 ? nccl::unique_id() : std::string());
}

std::shared_ptr<const CudaAnchor> first_anchor(cudaStream_t stream, std::chrono::milliseconds deadline) {
  auto anchor = std::make_shared<CudaAnchor>(stream);
  if (anchor->look_for(kAnchorPatience)) return anchor;
  poll_until([&] { return anchor->look(); }, Limit(deadline));  // vague; the watcher takes a better one
  return anchor;
}

}  // namespace

class NcclWork : public Work {
 public:
  NcclWork(NcclCommunicator& owner, const Call& made, std::vector<P2P> exchanged, std::vector<at::Tensor> tensors,
           std::shared_ptr<const CudaAnchor> anchor)
      : call(made),
        messages(std::move(exchanged)),
        owner_(owner),
        tensors_(std::move(tensors)),
        anchor_(std::move(anchor)) {}

  void wait() override {
    owner_.throw_if_failed();
    end.block(c10::cuda::getCurrentCUDAStream(owner_.device_.index()));
  }

  bool done() override { return end.has_passed(); }

  Interval interval() const override { return {enqueue_ns, anchor_->steady_ns(start), anchor_->steady_ns(end)}; }

  std::string what() const { return call.operation == Operation::kExchange ? describe(messages) : describe(call); }

  const Call call;
  const std::vector<P2P> messages;  ///< of an exchange
  const std::int64_t enqueue_ns = core::steady_ns();
  CudaEvent start{CudaEvent::Kind::kTimed};
  CudaEvent end{CudaEvent::Kind::kTimed};
  // Of the watcher:
  bool begun = false;
  std::optional<Limit> limit;  ///< since it is the oldest, and anew since it has begun

 private:
  NcclCommunicator& owner_;
  const std::vector<at::Tensor> tensors_;
  const std::shared_ptr<const CudaAnchor> anchor_;
};

NcclCommunicator::NcclCommunicator(Communicator& control, std::unique_ptr<HostTransport> agreement, at::Device device,
                                   const NcclCommunicatorOptions& options)
    : NcclCommunicator(
          std::make_unique<nccl::Comm>(shared_id(control), control.rank(), control.size(), Limit(options.deadline)),
          std::move(agreement), device, options) {}

NcclCommunicator::NcclCommunicator(std::unique_ptr<nccl::Comm> comm, std::unique_ptr<HostTransport> agreement,
                                   at::Device device, const NcclCommunicatorOptions& options)
    : comm_(std::move(comm)),
      rank_(comm_->rank()),
      size_(comm_->size()),
      device_(device),
      options_(options),
      exceptions_at_start_(std::uncaught_exceptions()),
      agreement_transport_(std::move(agreement)),
      agreement_(agreement_transport_ ? std::make_unique<AgreementCheck>(*agreement_transport_) : nullptr),
      stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())),
      anchor_stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())),
      token_(at::zeros({1}, at::TensorOptions().dtype(at::kLong).device(device))),
      anchor_(first_anchor(anchor_stream_, options.deadline)) {
  ledger_.record_in(options.recorder, options.name);
  watcher_ = std::thread([this] { watch(); });
}

NcclCommunicator::~NcclCommunicator() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_at_start_;
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    if (unwinding) fail(lock, "given up, because this rank failed elsewhere");
  }
  stop_.notify_all();
  watcher_.join();
  if (failure_.empty()) {
    std::unique_lock lock(mutex_);
    try {
      const c10::cuda::CUDAGuard guard(device_);
      const Limit limit(options_.deadline);
      poll_until(
          [&] {
            comm_->check_health();
            harvest();
            return running_.empty();
          },
          limit);
      comm_->finalize(limit);
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
  check_all_reduce(tensor, device_);
  const Call call{0, Operation::kAllReduce, tensor.scalar_type(), tensor.numel(), static_cast<int>(op)};
  void* data = tensor.data_ptr();
  return submit(call, {std::move(tensor)}, [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
    comm.all_reduce(data, call.elements, call.type, op, stream, limit);
  });
}

std::shared_ptr<Work> NcclCommunicator::broadcast(at::Tensor tensor, int root) {
  check_broadcast(tensor, root, size_, device_);
  const Call call{0, Operation::kBroadcast, tensor.scalar_type(), tensor.numel(), root};
  void* data = tensor.data_ptr();
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  return submit(call, {std::move(tensor)}, [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
    comm.broadcast(data, bytes, root, stream, limit);
  });
}

std::shared_ptr<Work> NcclCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  check_all_gather(output, input, rank_, size_, device_);
  const Call call{0, Operation::kAllGather, input.scalar_type(), input.numel(), 0};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const auto bytes = static_cast<std::int64_t>(input.nbytes());
  return submit(call, {std::move(output), std::move(input)},
                [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
                  comm.all_gather(to, from, bytes, stream, limit);
                });
}

std::shared_ptr<Work> NcclCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) {
  check_reduce_scatter(output, input, rank_, size_, device_);
  const Call call{0, Operation::kReduceScatter, input.scalar_type(), input.numel(), static_cast<int>(op)};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const std::int64_t count = output.numel();
  return submit(call, {std::move(output), std::move(input)},
                [=](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
                  comm.reduce_scatter(to, from, count, call.type, op, stream, limit);
                });
}

std::shared_ptr<Work> NcclCommunicator::exchange(std::vector<P2P> messages) {
  check_exchange(messages, rank_, size_, device_);
  const Call call{0, Operation::kExchange, at::kByte, bytes_of(messages), 0};
  const auto action = [&messages](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
    comm.exchange(messages, stream, limit);
  };
  return submit(call, {}, action, messages);  // which keeps a copy of the messages, and with it the tensors
}

std::unique_ptr<Communicator> NcclCommunicator::split(int color, int key) {
  check_split(color);
  barrier();  // what was called has ended, and NCCL's own split, which knows no deadline on the others, finds all ranks
  std::unique_ptr<HostTransport> agreement;
  if (agreement_transport_) agreement = std::make_unique<MpiTransport>(agreement_transport_->comm().split(color, key));
  const c10::cuda::CUDAGuard guard(device_);
  std::unique_ptr<nccl::Comm> part;
  {
    std::unique_lock lock(mutex_);
    if (!failure_.empty()) throw CollectiveError(failure_);
    try {
      part = std::make_unique<nccl::Comm>(*comm_, color, key, Limit(options_.deadline));
    } catch (const std::exception& error) {
      const std::string message = "split on rank " + std::to_string(rank_) + ": " + error.what();
      fail(lock, message);
      throw CollectiveError(message);
    }
  }
  if (part->size() == 1) {
    part->finalize(Limit(options_.deadline));
    return std::make_unique<LocalCommunicator>();
  }
  return std::unique_ptr<Communicator>(new NcclCommunicator(std::move(part), std::move(agreement), device_, options_));
}

// NCCL has no barrier: the ranks reduce one number, and the host waits for it.
void NcclCommunicator::barrier() {
  const Call call{0, Operation::kBarrier, at::kLong, 0, 0};
  const std::shared_ptr<NcclWork> work =
      submit(call, {token_}, [this](nccl::Comm& comm, cudaStream_t stream, const Limit& limit) {
        comm.all_reduce(token_.data_ptr(), 1, at::kLong, ReduceOp::kMax, stream, limit);
      });
  Backoff backoff;  // no deadline of its own: the watcher has it
  while (!work->done()) {
    throw_if_failed();
    backoff.pause();
  }
  throw_if_failed();
}

std::shared_ptr<NcclWork> NcclCommunicator::submit(Call call, std::vector<at::Tensor> tensors, const Action& action,
                                                   std::vector<P2P> messages) {
  call.sequence = ledger_.next(call.operation);
  const c10::cuda::CUDAGuard guard(device_);
  std::unique_lock lock(mutex_);
  if (!failure_.empty()) throw CollectiveError(failure_);
  harvest();
  auto work = std::make_shared<NcclWork>(*this, call, std::move(messages), std::move(tensors), anchor_);
  try {
    const Limit limit(options_.deadline);
    if (agreement_) check_agreement(*work, limit);
    ready_.record(c10::cuda::getCurrentCUDAStream(device_.index()));
    ready_.block(stream_);
    work->start.record(stream_);
    action(*comm_, stream_, limit);
    work->end.record(stream_);
  } catch (const std::exception& error) {
    const std::string message = in_context(*work, error.what());
    fail(lock, message);
    throw CollectiveError(message);
  }
  running_.push_back(work);
  if (running_.size() == 1) note_front();
  return work;
}

void NcclCommunicator::check_agreement(const NcclWork& work, const Limit& limit) {
  if (work.call.operation == Operation::kExchange)
    agreement_->exchange(work.messages, limit);
  else
    agreement_->collective(work.call, limit);
}

std::string NcclCommunicator::in_context(const NcclWork& work, const std::string& message) const {
  return work.what() + " #" + std::to_string(work.call.sequence) + " on rank " + std::to_string(rank_) + " of " +
         std::to_string(size_) + ": " + message;
}

std::vector<CollectiveRecord> NcclCommunicator::drain_ledger() {
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty()) harvest();
  }
  return ledger_.drain();
}

void NcclCommunicator::harvest() {
  const std::size_t before = running_.size();
  while (!running_.empty() && running_.front()->done()) {
    const NcclWork& work = *running_.front();
    const auto bytes = work.call.elements * static_cast<std::int64_t>(c10::elementSize(work.call.type));
    ledger_.finish({work.call.sequence, work.call.operation, bytes, work.interval()});
    running_.pop_front();
  }
  if (running_.size() < before && !running_.empty()) note_front();
}

void NcclCommunicator::note_front() {
  const NcclWork& front = *running_.front();
  ledger_.begin(front.call.operation, front.call.sequence, front.what());
}

void NcclCommunicator::fail(std::unique_lock<std::mutex>& lock, std::string message) {
  const bool first = failure_.empty();
  if (first) failure_ = std::move(message);
  lock.unlock();
  if (first) comm_->abort();
}

void NcclCommunicator::throw_if_failed() {
  const std::lock_guard lock(mutex_);
  if (!failure_.empty()) throw CollectiveError(failure_);
}

void NcclCommunicator::watch() {
  pthread_setname_np(pthread_self(), "ty-nccl-watch");
  const c10::cuda::CUDAGuard guard(device_);
  while (true) {
    std::unique_lock lock(mutex_);
    if (stop_.wait_for(lock, kWatchInterval, [&] { return stopping_ || !failure_.empty(); })) return;
    try {
      check_running();
      lock.unlock();
      renew_anchor();
    } catch (const std::exception& error) {
      if (!lock.owns_lock()) lock.lock();
      fail(lock, running_.empty() ? std::string("NCCL on rank ") + std::to_string(rank_) + ": " + error.what()
                                  : in_context(*running_.front(), error.what()));
      return;
    }
  }
}

void NcclCommunicator::check_running() {
  comm_->check_health();
  harvest();
  if (running_.empty()) return;
  NcclWork& oldest = *running_.front();
  if (!oldest.begun && oldest.start.has_passed()) {
    oldest.begun = true;
    oldest.limit.reset();
  }
  if (!oldest.limit) oldest.limit.emplace(options_.deadline);
  oldest.limit->check(oldest.begun ? kAnotherRank : kItsTurn);
}

void NcclCommunicator::renew_anchor() {
  if (!next_anchor_) {
    if (core::steady_ns() - anchor_->taken_ns() < kAnchorInterval_ns) return;
    next_anchor_ = std::make_shared<CudaAnchor>(anchor_stream_);
  }
  // Streams can share a queue of the device, so even an idle one's event may lie behind a collective that hangs.
  if (!next_anchor_->look_for(kAnchorPatience)) return;
  if (next_anchor_->uncertainty_ns() <= kAnchorPrecision_ns) {
    const std::lock_guard lock(mutex_);
    anchor_ = next_anchor_;
  }
  next_anchor_.reset();
}

}  // namespace trainyard::comm
