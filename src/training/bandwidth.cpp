#include "training/bandwidth.h"

#include <limits>

#include "comm/sweep.h"

namespace trainyard::training {
namespace {

double per_second(double bytes, double ns) {
  return bytes > 0 && ns > 0 ? bytes / (ns / 1e9) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

void BandwidthMeter::add_collective(const comm::CollectiveRecord& record, int ranks) {
  double whole_bytes = static_cast<double>(record.bytes);
  comm::SweepOperation operation = comm::SweepOperation::kAllReduce;
  switch (record.operation) {
    case comm::Operation::kAllReduce:
      break;
    case comm::Operation::kReduceScatter:
      operation = comm::SweepOperation::kReduceScatter;
      break;
    case comm::Operation::kAllGather:
      operation = comm::SweepOperation::kAllGather;
      whole_bytes *= ranks;  // a rank's input is its shard
      break;
    default:
      return;
  }
  bus_bytes_ += whole_bytes * comm::bus_factor(operation, ranks);
  collective_ns_ += static_cast<double>(record.interval.end_ns - record.interval.start_ns);
}

double BandwidthMeter::bus() const {
  return per_second(bus_bytes_, collective_ns_);
}

double BandwidthMeter::transfer() const {
  return per_second(transfer_bytes_, transfer_ns_);
}

}  // namespace trainyard::training
