#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// How fast collectives of one kind and about one size went.
struct SizeBandwidth {
  log::CollectiveOp op = log::CollectiveOp::kOther;
  std::int64_t from_bytes = 0;  ///< a power of two: sizes from it to below its double are taken together
  std::int64_t operations = 0;
  double mean_bytes = 0;        ///< of the whole tensor, as nccl-tests counts it
  double mean_ns = 0;           ///< of the rank that came last, and so did not wait
  double bus_bandwidth = 0;     ///< bytes a second
  std::optional<double> swept;  ///< what the doctor saw at this size, see kSweepRule
};

inline constexpr const char* kBandwidthRule =
    "Bus bandwidth: bytes times nccl-tests' factor over time. An operation's time is that of the rank that began it "
    "last, since the others' holds their waiting for it. Sizes below 4 KiB are in report.json alone.";

/// Of the operations that every rank of the start has logged, whose sequence numbers are equal; by operation and size.
/// all_reduce, reduce_scatter, all_gather and broadcast alone: the others have no such factor here.
std::vector<SizeBandwidth> bandwidth_by_size(const Start& start);

/// How much later than the first rank's each rank's log times are, in the order of the start's ranks: by the ends of
/// the operations that all take part in, which they reach together; where there are none by the clocks at the start.
std::vector<std::int64_t> clock_shifts(const Start& start);

}  // namespace trainyard::report
