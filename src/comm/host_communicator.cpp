#include "comm/host_communicator.h"

#include <pthread.h>

#include <exception>
#include <utility>

#include "comm/checks.h"
#include "comm/local_communicator.h"
#include "comm/transports.h"
#include "core/clock.h"

namespace trainyard::comm {

HostCommunicator::HostCommunicator(std::unique_ptr<HostTransport> transport, const HostCommunicatorOptions& options)
    : exceptions_at_start_(std::uncaught_exceptions()),
      group_(std::move(transport), options),
      backend_(group_.transport().name()) {
  exchanges_.emplace(group_);
  if (options.asynchronous) thread_ = std::thread([this] { serve(); });
}

HostCommunicator::~HostCommunicator() {
  if (std::uncaught_exceptions() > exceptions_at_start_) group_.cancel();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
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
  check_broadcast(tensor, root, size(), at::kCPU);
  const Call call{0, Operation::kBroadcast, tensor.scalar_type(), tensor.numel(), root};
  void* data = tensor.data_ptr();
  const auto bytes = static_cast<std::int64_t>(tensor.nbytes());
  return submit(call, {std::move(tensor)},
                [=](HostTransport& transport, const Limit& limit) { transport.broadcast(data, bytes, root, limit); });
}

std::shared_ptr<Work> HostCommunicator::all_gather(at::Tensor output, at::Tensor input) {
  check_all_gather(output, input, rank(), size(), at::kCPU);
  const Call call{0, Operation::kAllGather, input.scalar_type(), input.numel(), 0};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const auto bytes = static_cast<std::int64_t>(input.nbytes());
  return submit(call, {std::move(output), std::move(input)},
                [=](HostTransport& transport, const Limit& limit) { transport.all_gather(to, from, bytes, limit); });
}

std::shared_ptr<Work> HostCommunicator::reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) {
  check_reduce_scatter(output, input, rank(), size(), at::kCPU);
  const Call call{0, Operation::kReduceScatter, input.scalar_type(), input.numel(), static_cast<int>(op)};
  void* to = output.data_ptr();
  const void* from = input.const_data_ptr();
  const std::int64_t count = output.numel();
  return submit(call, {std::move(output), std::move(input)}, [=](HostTransport& transport, const Limit& limit) {
    transport.reduce_scatter(to, from, count, call.type, op, limit);
  });
}

std::shared_ptr<Work> HostCommunicator::exchange(std::vector<P2P> messages) {
  check_exchange(messages, rank(), size(), at::kCPU);
  return exchanges_->submit(std::move(messages));
}

void HostCommunicator::barrier() {
  submit(Call{0, Operation::kBarrier, at::kByte, 0, 0}, {}, [](HostTransport& transport, const Limit& limit) {
    transport.barrier(limit);
  })->wait();
}

std::unique_ptr<Communicator> HostCommunicator::split(int color, int key) {
  check_split(color);
  std::optional<mpi::Comm> part;
  HostCommunicatorOptions options = group_.options();
  options.name = part_name(options.name, splits_++, color);
  submit(Call{0, Operation::kSplit, at::kByte, 0, 0}, {}, [&](HostTransport& transport, const Limit& limit) {
    transport.barrier(limit);  // MPI's own split knows no deadline
    part.emplace(transport.comm().split(color, key));
  })->wait();
  if (part->size() == 1) return std::make_unique<LocalCommunicator>();
  return std::make_unique<HostCommunicator>(open_transport(*std::move(part), options.shared_memory, group_.limit()),
                                            options);
}

std::shared_ptr<Work> HostCommunicator::submit(Call call, std::vector<at::Tensor> tensors, Action action) {
  call.sequence = group_.ledger().next(call.operation);
  auto work = std::make_shared<HostWork>(std::move(tensors), core::steady_ns());
  Job job{call, std::move(action), work};
  if (group_.options().asynchronous) {
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
  if (!group_.failure().empty()) return group_.refuse(*job.work);
  const std::string what = describe(job.call);
  group_.ledger().begin(job.call.operation, job.call.sequence, what);
  try {
    const Limit limit = group_.limit();
    if (group_.agreement() != nullptr) group_.agreement()->collective(job.call, limit);
    job.action(group_.transport(), limit);
  } catch (const std::exception& error) {
    return group_.fail(*job.work, what + " #" + std::to_string(job.call.sequence), error.what(), start_ns);
  }
  job.action = {};  // what it holds goes before anyone who waits goes on
  const auto bytes = job.call.elements * static_cast<std::int64_t>(c10::elementSize(job.call.type));
  group_.succeed(*job.work, {job.call.sequence, job.call.operation, bytes, /*interval=*/{}}, start_ns);
}

void HostCommunicator::serve() {
  pthread_setname_np(pthread_self(), "ty-comm");
  short_sleeps();
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

}  // namespace trainyard::comm
