#include "comm/sweep.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <memory>

#include "comm/values.h"
#include "core/clock.h"

namespace trainyard::comm {
namespace {

/// One operation on tensors of one size, ready to be called again and again.
class Probe {
 public:
  Probe(const World& world, SweepOperation operation, at::ScalarType type, std::int64_t bytes)
      : world_(world), operation_(operation) {
    const auto width = static_cast<std::int64_t>(c10::elementSize(type));
    const std::int64_t parts = by_parts() ? world.size : 1;
    const std::int64_t part = std::max<std::int64_t>(1, bytes / width / parts);
    const at::TensorOptions options = at::TensorOptions().dtype(type).device(world.device);
    whole_ = at::zeros({parts * part}, options);
    if (by_parts() || operation == SweepOperation::kSendReceive) part_ = at::zeros({part}, options);
  }

  std::int64_t bytes() const { return static_cast<std::int64_t>(whole_.nbytes()); }

  /// Nanoseconds until this rank has its result.
  std::int64_t run() {
    world_.data->barrier();
    const std::int64_t start_ns = core::steady_ns();
    const std::shared_ptr<Work> work = start();
    work->wait();
    while (!work->done()) {
      // On CUDA waiting only orders the stream.
    }
    return core::steady_ns() - start_ns;
  }

 private:
  bool by_parts() const {
    return operation_ == SweepOperation::kReduceScatter || operation_ == SweepOperation::kAllGather;
  }

  std::shared_ptr<Work> start() {
    Communicator& group = *world_.data;
    switch (operation_) {
      case SweepOperation::kAllReduce:
        return group.all_reduce(whole_, ReduceOp::kSum);
      case SweepOperation::kReduceScatter:
        return group.reduce_scatter(part_, whole_, ReduceOp::kSum);
      case SweepOperation::kAllGather:
        return group.all_gather(whole_, part_);
      case SweepOperation::kBroadcast:
        return group.broadcast(whole_, 0);
      case SweepOperation::kSendReceive:
        break;
    }
    return group.exchange({P2P::send(whole_, (world_.rank + 1) % world_.size),
                           P2P::receive(part_, (world_.rank + world_.size - 1) % world_.size)});
  }

  const World& world_;
  const SweepOperation operation_;
  at::Tensor whole_;
  at::Tensor part_;
};

SweepRow measure(const World& world, SweepOperation operation, at::ScalarType type, std::int64_t bytes,
                 int iterations) {
  Probe probe(world, operation, type, bytes);
  for (int i = 0; i < kSweepWarmUp; ++i)
    probe.run();
  std::vector<double> times_us;
  for (int i = 0; i < iterations; ++i)
    times_us.push_back(static_cast<double>(probe.run()) / 1e3);
  all_reduce(*world.control, times_us, ReduceOp::kMax);
  world.data->drain_ledger();  // nobody else does

  const auto middle = times_us.begin() + iterations / 2;
  std::ranges::nth_element(times_us, middle);
  SweepRow row{.operation = operation, .bytes = probe.bytes(), .time_us = *middle};
  row.algbw_gbps = static_cast<double>(row.bytes) / row.time_us / 1e3;
  row.busbw_gbps = row.algbw_gbps * bus_factor(operation, world.size);
  return row;
}

}  // namespace

std::string_view name(SweepOperation operation) {
  switch (operation) {
    case SweepOperation::kAllReduce:
      return "all_reduce";
    case SweepOperation::kReduceScatter:
      return "reduce_scatter";
    case SweepOperation::kAllGather:
      return "all_gather";
    case SweepOperation::kBroadcast:
      return "broadcast";
    case SweepOperation::kSendReceive:
      return "sendrecv";
  }
  return "unknown";
}

double bus_factor(SweepOperation operation, int ranks) {
  const double others = static_cast<double>(ranks - 1) / ranks;
  switch (operation) {
    case SweepOperation::kAllReduce:
      return 2 * others;
    case SweepOperation::kReduceScatter:
    case SweepOperation::kAllGather:
      return others;
    case SweepOperation::kBroadcast:
    case SweepOperation::kSendReceive:
      break;
  }
  return 1;
}

void sweep(const World& world, const SweepOptions& options, const std::function<void(const SweepRow&)>& on_row) {
  for (const SweepOperation operation : options.operations)
    for (std::int64_t bytes = options.min_bytes; bytes <= options.max_bytes; bytes *= 2)
      on_row(measure(world, operation, options.type, bytes, options.iterations));
}

}  // namespace trainyard::comm
