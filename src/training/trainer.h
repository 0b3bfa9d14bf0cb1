#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "core/signals.h"
#include "data/datasets.h"
#include "data/loader.h"
#include "log/writer.h"
#include "optim/schedule.h"
#include "parallel/strategy.h"
#include "timing/step_timer.h"
#include "training/bandwidth.h"
#include "training/checkpointer.h"
#include "training/progress.h"
#include "training/resume.h"

namespace trainyard::training {

/// The order in which a shard's samples are trained on. @throws core::UsageError where the data does not suffice.
data::Sampler training_sampler(const config::RunConfig& config, const data::Dataset& dataset,
                               parallel::DataShard shard);

/// Samples of a whole optimizer step, over all ranks.
std::int64_t samples_per_step(const config::RunConfig& config, parallel::DataShard shard);

struct Summary {
  double validation_accuracy = 0.0;  ///< of the last epoch, 0 to 1
  bool stopped = false;              ///< on request, before the end
  std::int64_t steps = 0;            ///< done, those before a restart included
};

/// The epochs of one run on this rank: loads, steps, validates, and writes every row of its timing log.
class Trainer {
 public:
  /// Everything must outlive the trainer. log_zero_ns: the log's time zero as core::steady_ns().
  /// @throws core::UsageError when the data does not suffice for the ranks.
  Trainer(const config::RunConfig& config, const comm::World& world, const data::Datasets& data,
          parallel::Strategy& strategy, log::Writer& writer, std::int64_t log_zero_ns);

  /// What a checkpoint must fit.
  TrainingShape shape() const;
  /// Before run(): begins there instead of at the first step.
  void begin_at(const Cursor& cursor);
  /// Until the end, or until some rank is asked to stop: then a checkpoint is saved, where that is possible.
  Summary run(Checkpointer& checkpointer);
  /// An event of the log, which rank 0 also says.
  void tell(std::string_view kind, const std::string& text);

 private:
  /// Sums over samples; `totals` becomes sums over ranks.
  using Totals = EpochSums;

  Totals train_epoch(std::int64_t epoch, Checkpointer& checkpointer);
  /// After each step and each batch of validation: whether any rank was asked to stop (request_), whether a checkpoint
  /// is due by time (save_wanted_), and whether all ranks have written what is being saved. Collective.
  bool agree_on_requests(const Checkpointer& checkpointer);
  bool is_stop_requested() const { return request_ != core::StopRequest::kNone; }
  /// Has the state written that the ranks are in now. Collective.
  void save(Checkpointer& checkpointer, std::int64_t epoch, const EpochSums& sums);
  /// The last save of a run that was asked to stop: waits until it is on the disk. Collective.
  void save_and_stop(Checkpointer& checkpointer, std::int64_t epoch, const EpochSums& sums);
  /// A step whose memory is logged.
  parallel::StepResult traced_step(std::span<const data::Batch> batches);
  /// Batches of the next optimizer step; fewer than `accumulate` at an epoch's end, none after it.
  std::vector<data::Batch> next_batches();
  /// What was left is nothing if stopped_ is set on return.
  Totals validate(Checkpointer& checkpointer);
  /// Makes a save visible that all ranks have written. Collective.
  void settle(Checkpointer& checkpointer);
  Totals over_ranks(Totals local) const;
  void log_skipped_steps(std::int64_t epoch);
  void log_collectives();
  /// group: as in the rows.
  void log_collectives(comm::Communicator& communicator, int group);

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
  Cursor start_;
  std::int64_t step_ = 0;
  std::int64_t batch_ = 0;                                ///< batches of the epoch done
  std::int64_t skipped_ = 0;                              ///< steps already logged as skipped
  std::int64_t checkpoint_ns_ = 0;                        ///< of the epoch, in which training waited for a checkpoint
  core::StopRequest request_ = core::StopRequest::kNone;  ///< the strongest of any rank
  bool save_wanted_ = false;                              ///< rank 0's clock asks for a checkpoint
  bool stopped_ = false;
};

}  // namespace trainyard::training
