#pragma once

#include <cstdint>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// A finished epoch of a run.
struct EpochFigures {
  log::EpochRow row;               ///< of the lowest rank that has it
  double slowest_ns = 0;           ///< duration, over the ranks
  std::int64_t epoch_unix_ns = 0;  ///< wall-clock time at which its log's times are 0; 0 where the log does not say
  bool first_of_start = false;
  bool counts_for_time = false;  ///< of a start that ran as the latest one did
};

/// Ascending. From a start, only those before the first epoch of every later start count: what a later start did again,
/// or has yet to do again, is not this run's result any more.
std::vector<EpochFigures> epochs_of(const Run& run);

/// Optimizer steps of a whole epoch, as the lowest rank's `/steps` has them: the most of any; 0 where it does not say.
std::int64_t steps_per_epoch(const Run& run);

/// Whether figures of time of both starts may be taken together: as many ranks, strategy, precision, batch, device.
bool same_speed(const Start& a, const Start& b);

}  // namespace trainyard::report
