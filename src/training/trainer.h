#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "data/datasets.h"
#include "data/loader.h"
#include "log/writer.h"
#include "optim/schedule.h"
#include "parallel/strategy.h"
#include "timing/step_timer.h"
#include "training/bandwidth.h"
#include "training/progress.h"

namespace trainyard::training {

/// The order in which a shard's samples are trained on. @throws core::UsageError where the data does not suffice.
data::Sampler training_sampler(const config::RunConfig& config, const data::Dataset& dataset,
                               parallel::DataShard shard);

/// Samples of a whole optimizer step, over all ranks.
std::int64_t samples_per_step(const config::RunConfig& config, parallel::DataShard shard);

struct Summary {
  double validation_accuracy = 0.0;  ///< of the last epoch, 0 to 1
};

/// The epochs of one run on this rank: loads, steps, validates, and writes every row of its timing log.
class Trainer {
 public:
  /// Everything must outlive the trainer. log_zero_ns: the log's time zero as core::steady_ns().
  /// @throws core::UsageError when the data does not suffice for the ranks.
  Trainer(const config::RunConfig& config, const comm::World& world, const data::Datasets& data,
          parallel::Strategy& strategy, log::Writer& writer, std::int64_t log_zero_ns);

  Summary run();

 private:
  /// Sums over samples; `totals` becomes sums over ranks.
  struct Totals {
    double loss_sum = 0.0;
    double correct = 0.0;
    double samples = 0.0;
  };

  Totals train_epoch(std::int64_t epoch);
  /// A step whose memory is logged.
  parallel::StepResult traced_step(std::span<const data::Batch> batches);
  /// Batches of the next optimizer step; fewer than `accumulate` at an epoch's end, none after it.
  std::vector<data::Batch> next_batches();
  Totals validate();
  Totals over_ranks(Totals local) const;
  void log_skipped_steps(std::int64_t epoch);
  void log_collectives();

  const config::RunConfig& config_;
  const comm::World& world_;
  parallel::Strategy& strategy_;
  log::Writer& writer_;
  std::int64_t log_zero_ns_;
  data::Loader train_loader_;
  data::Loader validation_loader_;
  std::int64_t total_steps_;
  optim::Schedule schedule_;
  Progress progress_;
  BandwidthMeter bandwidth_;
  timing::StepTimer timer_;
  std::int64_t step_ = 0;
  std::int64_t skipped_ = 0;  ///< steps already logged as skipped
};

}  // namespace trainyard::training
