#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "comm/bootstrap.h"

/// Measures a communicator as nccl-tests does, so that its figures stand beside those.
namespace trainyard::comm {

/// kSendReceive: every rank sends to the next and receives from the one before, in a ring.
enum class SweepOperation { kAllReduce, kReduceScatter, kAllGather, kBroadcast, kSendReceive };

inline constexpr SweepOperation kSweepOperations[] = {SweepOperation::kAllReduce, SweepOperation::kReduceScatter,
                                                      SweepOperation::kAllGather, SweepOperation::kBroadcast,
                                                      SweepOperation::kSendReceive};

/// "all_reduce", "reduce_scatter", "all_gather", "broadcast", "sendrecv".
std::string_view name(SweepOperation operation);

/// Bus bandwidth over algorithm bandwidth, which is size over time: what makes the figure comparable with the speed of
/// the links whatever the number of ranks. 2 (n-1)/n for all_reduce, (n-1)/n for reduce_scatter and all_gather, 1 for
/// broadcast and sendrecv. Source: nccl-tests, doc/PERFORMANCE.md.
double bus_factor(SweepOperation operation, int ranks);

struct SweepOptions {
  std::vector<SweepOperation> operations;
  at::ScalarType type = at::kFloat;
  std::int64_t min_bytes = 1 << 10;
  std::int64_t max_bytes = 1 << 26;
  int iterations = 20;
};

/// The iterations that go before the measured ones, for each size.
inline constexpr int kSweepWarmUp = 5;

struct SweepRow {
  SweepOperation operation = SweepOperation::kAllReduce;
  std::int64_t bytes = 0;  ///< of the largest tensor a rank holds; of sendrecv: sent by each rank
  double time_us = 0;      ///< median over the iterations of the slowest rank's time; the ranks start together
  double algbw_gbps = 0;   ///< 10^9 bytes a second
  double busbw_gbps = 0;
};

/// Every size from min_bytes to max_bytes, doubled each time and rounded down to whole elements for every rank, but at
/// least one. Gives each row to `on_row` as it is measured, on every rank. Collective over both communicators of world.
/// sendrecv wants two ranks at least.
void sweep(const World& world, const SweepOptions& options, const std::function<void(const SweepRow&)>& on_row);

}  // namespace trainyard::comm
