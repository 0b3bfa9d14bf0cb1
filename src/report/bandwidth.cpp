#include "report/bandwidth.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include "report/statistics.h"

namespace trainyard::report {
namespace {

using log::CollectiveOp;
using log::CollectiveRow;

/// Bytes on the bus over bytes of the whole tensor. Source: nccl-tests, doc/PERFORMANCE.md. 0: not compared.
double bus_factor(CollectiveOp op, double ranks) {
  switch (op) {
    case CollectiveOp::kAllReduce:
      return 2 * (ranks - 1) / ranks;
    case CollectiveOp::kReduceScatter:
    case CollectiveOp::kAllGather:
      return (ranks - 1) / ranks;
    case CollectiveOp::kBroadcast:
      return 1;
    default:
      return 0;
  }
}

/// Whether no rank has its result before all have begun.
bool ends_together(CollectiveOp op) {
  return op == CollectiveOp::kAllReduce || op == CollectiveOp::kAllGather || op == CollectiveOp::kReduceScatter ||
         op == CollectiveOp::kBarrier || op == CollectiveOp::kAllToAll;
}

constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;
constexpr std::int64_t kLongestNs = std::int64_t{1} << 53;

/// An operation of all ranks, whose number therefore means the same one on each, with figures that can be.
bool is_comparable(const CollectiveRow& row) {
  return row.group == 0 && row.bytes >= 0 && row.bytes <= kMostBytes && row.start_ns >= 0 &&
         row.end_ns > row.start_ns && row.end_ns < kLongestNs;
}

struct Operation {
  CollectiveOp op = CollectiveOp::kOther;
  std::int64_t bytes = 0;
  std::int64_t shortest_ns = std::numeric_limits<std::int64_t>::max();
  std::size_t ranks = 0;
};

}  // namespace

std::vector<SizeBandwidth> bandwidth_by_size(const Start& start) {
  std::unordered_map<std::int64_t, Operation> operations;
  for (const RankLog& log : start.ranks) {
    for (const CollectiveRow& row : log.collectives) {
      if (row.op == CollectiveOp::kExchange || !is_comparable(row)) continue;
      Operation& operation = operations[row.sequence];
      operation.op = row.op;
      operation.bytes = row.bytes;
      operation.shortest_ns = std::min(operation.shortest_ns, row.end_ns - row.start_ns);
      ++operation.ranks;
    }
  }
  const auto world_size = static_cast<double>(start.ranks.front().attributes.world_size);
  std::map<std::pair<CollectiveOp, std::int64_t>, SizeBandwidth> sizes;
  for (const auto& [sequence, operation] : operations) {
    if (operation.ranks != start.ranks.size() || operation.bytes == 0) continue;
    if (bus_factor(operation.op, world_size) <= 0) continue;
    double bytes = static_cast<double>(operation.bytes);
    if (operation.op == CollectiveOp::kAllGather) bytes *= world_size;  // a rank's input is its shard
    const auto from = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(bytes)));
    SizeBandwidth& size = sizes[{operation.op, from}];
    size.op = operation.op;
    size.from_bytes = from;
    ++size.operations;
    size.mean_bytes += bytes;
    size.mean_ns += static_cast<double>(operation.shortest_ns);
  }
  std::vector<SizeBandwidth> result;
  for (auto& [key, size] : sizes) {
    size.bus_bandwidth = size.mean_bytes * bus_factor(size.op, world_size) / (size.mean_ns / 1e9);
    size.mean_bytes /= static_cast<double>(size.operations);
    size.mean_ns /= static_cast<double>(size.operations);
    result.push_back(size);
  }
  return result;
}

std::vector<std::int64_t> clock_shifts(const Start& start) {
  std::unordered_map<std::int64_t, std::int64_t> first_ends;
  for (const CollectiveRow& row : start.ranks.front().collectives) {
    if (ends_together(row.op) && is_comparable(row)) first_ends[row.sequence] = row.end_ns;
  }
  std::vector<std::int64_t> shifts;
  const std::int64_t first_offset = start.ranks.front().attributes.clock_offset_ns;
  for (const RankLog& log : start.ranks) {
    std::vector<double> differences;
    for (const CollectiveRow& row : log.collectives) {
      if (!ends_together(row.op) || !is_comparable(row)) continue;
      const auto first = first_ends.find(row.sequence);
      if (first != first_ends.end()) differences.push_back(static_cast<double>(row.end_ns - first->second));
    }
    if (const auto median = quantile(differences, 0.5)) {
      shifts.push_back(static_cast<std::int64_t>(*median));
    } else {
      const auto sane = [](std::int64_t ns) { return ns > -kLongestNs && ns < kLongestNs; };
      const std::int64_t offset = log.attributes.clock_offset_ns;
      shifts.push_back(sane(offset) && sane(first_offset) ? offset - first_offset : 0);
    }
  }
  return shifts;
}

}  // namespace trainyard::report
