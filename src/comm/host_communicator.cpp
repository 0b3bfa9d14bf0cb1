#include "comm/host_communicator.h"

#include <sys/prctl.h>

#include <exception>
#include <utility>

#include "comm/checks.h"
#include "core/clock.h"
#include "core/error.h"

namespace trainyard::comm {

/// A collective's outcome, handed from the thread that carries it out to the one that waits.
class HostWork : public Work {
 public:
  HostWork(std::vector<at::Tensor> tensors, std::int64_t enqueue_ns) : tensors_(std::move(tensors)) {
    interval_.enqueue_ns = enqueue_ns;
  }

  void wait() override {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return done_; });  // whoever carries it out holds the deadline
    if (!error_.empty()) throw core::Error(error_);
  }

  bool done() override {
    const std::lock_guard lock(mutex_);
    return done_;
  }

  Interval interval() const override {
    const std::lock_guard lock(mutex_);
    return interval_;
  }

  std::span<const at::Tensor> tensors() const { return tensors_; }

  void finish(std::int64_t start_ns, std::int64_t end_ns, std::string error) {
    {
      const std::lock_guard lock(mutex_);
      interval_.start_ns = start_ns;
      interval_.end_ns = end_ns;
      error_ = std::move(error);
      done_ = true;
    }
    ended_.notify_all();
  }

 private:
  const std::vector<at::Tensor> tensors_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  Interval interval_;
  std::string error_;
};

HostCommunicator::HostCommunicator(std::unique_ptr<HostTransport> transport, int rank, int size,
                                   HostCommunicatorOptions options)
    : rank_(rank),
      size_(size),
      options_(options),
      transport_(std::move(transport)),
      exceptions_at_start_(std::uncaught_exceptions()) {
  if (options_.check_agreement) agreement_ = std::make_unique<AgreementCheck>(*transport_, size_);
  if (options_.asynchronous) thread_ = std::thread([this] { serve(); });
}

HostCommunicator::~HostCommunicator() {
  const bool unwinding = std::uncaught_exceptions() > exceptions_at_start_;
  if (unwinding) cancelled_ = true;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
  // The other ranks may never come to free their half, and unfinished requests still use it.
  if (unwinding || !failure_.empty()) {
    static_cast<void>(agreement_.release());
    static_cast<void>(transport_.release());
  }
}

std::shared_ptr<Work> HostCommunicator::all_reduce(at::Tensor tensor, ReduceOp op) {
  check_all_reduce(tensor, at::kCPU);
  const Call call{0, Operation::kAllReduce, tensor.scalar_type(), tensor.numel(), static_cast<int>(op)};
  void* data = tensor.data_ptr();
  return submit(call, {std::move(tensor)}, [=](HostTransport& transport, const Limit& limit) {
    transport.all_reduce(data, call.elements, call.type, op, limit);
  });
}

std::shared_ptr<Work> HostCommunicator::broadcast(at::Tensor tensor, int root) {
  check_broadcast(tensor, root, size_, at::kCPU);
  const Call call{0, Operation::kBroadcast, tensor.scalar_type(), tensor.numel(), root};
  void* data = tensor.data_ptr();
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  return submit(call, {std::move(tensor)},
                [=](HostTransport& transport, const Limit& limit) { transport.broadcast(data, bytes, root, limit); });
}

std::shared_ptr<Work> HostCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  check_all_gather(output, input, size_, at::kCPU);
  const Call call{0, Operation::kAllGather, input.scalar_type(), input.numel(), 0};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const auto bytes = static_cast<std::int64_t>(input.nbytes());
  return submit(call, {std::move(output), std::move(input)},
                [=](HostTransport& transport, const Limit& limit) { transport.all_gather(to, from, bytes, limit); });
}

void HostCommunicator::barrier() {
  submit(Call{0, Operation::kBarrier, at::kByte, 0, 0}, {}, [](HostTransport& transport, const Limit& limit) {
    transport.barrier(limit);
  })->wait();
}

std::shared_ptr<Work> HostCommunicator::submit(Call call, std::vector<at::Tensor> tensors, Action action) {
  call.sequence = ledger_.next();
  auto work = std::make_shared<HostWork>(std::move(tensors), core::steady_ns());
  Job job{call, std::move(action), work};
  if (options_.asynchronous) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    arrived_.notify_one();
  } else {
    run(job);
  }
  return work;
}

void HostCommunicator::run(Job& job) {
  const std::int64_t start_ns = core::steady_ns();
  std::string error;
  {
    const std::lock_guard lock(mutex_);
    error = failure_;
  }
  if (error.empty()) {
    try {
      const Limit limit(options_.deadline, &cancelled_);
      if (agreement_) (*agreement_)(job.call, limit);
      job.action(*transport_, limit);
    } catch (const std::exception& failure) {
      error = describe(job.call) + " #" + std::to_string(job.call.sequence) + " on rank " + std::to_string(rank_) +
              " of " + std::to_string(size_) + ": " + failure.what();
      abandon(job.work->tensors());
      const std::lock_guard lock(mutex_);
      failure_ = error;
    }
  }
  const std::int64_t end_ns = core::steady_ns();
  if (error.empty()) {
    const auto bytes = job.call.elements * static_cast<std::int64_t>(c10::elementSize(job.call.type));
    ledger_.finish({job.call.sequence, job.call.operation, bytes, {job.work->interval().enqueue_ns, start_ns, end_ns}});
  }
  job.work->finish(start_ns, end_ns, std::move(error));
}

void HostCommunicator::serve() {
  pthread_setname_np(pthread_self(), "ty-comm");
  // Sleeps between polls are tens of microseconds; the kernel's default slack would double them.
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
  while (true) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [&] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    run(job);
  }
}

void HostCommunicator::abandon(std::span<const at::Tensor> tensors) {
  static std::mutex mutex;
  static std::vector<at::Tensor>& kept = *std::make_unique<std::vector<at::Tensor>>().release();
  const std::lock_guard lock(mutex);
  kept.insert(kept.end(), tensors.begin(), tensors.end());
}

}  // namespace trainyard::comm
