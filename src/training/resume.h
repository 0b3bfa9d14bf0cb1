#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "parallel/strategy.h"
#include "training/checkpoint.h"

namespace trainyard::training {

/// Where a run goes on from.
struct ResumePoint {
  std::filesystem::path checkpoint;
  CheckpointNote note;
};

/// What `resume` of the configuration means for a run in `root`: the newest whole checkpoint, read and checked on every
/// rank, its state given to the strategy. A damaged one is passed over for the one before it: `said` gets a line on
/// each. None where there is nothing to go on from. Collective, after Strategy::synchronise().
/// @throws core::UsageError, on every rank, where `resume` names no checkpoint or one of another run; core::Error where
///         it names a damaged one, or all are.
std::optional<ResumePoint> resume(const config::RunConfig& config, const comm::World& world,
                                  const std::filesystem::path& root, parallel::Strategy& strategy,
                                  std::vector<std::string>& said);

/// Where training goes on, in terms of this run.
struct Cursor {
  std::int64_t step = 0;   ///< optimizer steps done
  std::int64_t epoch = 0;  ///< from 0
  std::int64_t batch = 0;  ///< batches of the epoch done
  EpochSums sums;          ///< this rank's, over these batches
};

/// What a run of this configuration makes of its training data.
struct TrainingShape {
  std::int64_t data_samples = 0;   ///< training samples in the data set
  std::int64_t batches = 0;        ///< in an epoch
  std::int64_t batch_samples = 0;  ///< in one batch, over all replicas
  std::int64_t step_samples = 0;   ///< in one optimizer step
};

/// The cursor of a checkpoint's run in a run of another number of ranks, such that no sample is repeated or lost.
/// @throws core::UsageError naming the key that must be as it was; another global batch unless `rebatch` is set, and
///         with it one that does not divide what is done of the epoch.
Cursor cursor_in(const config::RunConfig& config, const TrainingShape& shape, const CheckpointNote& note, int rank,
                 int ranks);

}  // namespace trainyard::training
