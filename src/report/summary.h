#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/balance.h"
#include "report/bandwidth.h"
#include "report/epochs.h"
#include "report/events.h"
#include "report/limit.h"
#include "report/loss_curve.h"
#include "report/memory.h"
#include "report/model.h"
#include "report/timeline.h"
#include "report/utilization.h"

namespace trainyard::report {

/// What the report says of one run. Nothing (or empty) where the logs do not say.
struct RunSummary {
  std::string label;               ///< short and unique in the report
  std::string folder;              ///< below the folder that was given
  log::RunAttributes attributes;   ///< of the latest start, lowest rank; every text of it cleaned
  std::vector<std::string> nodes;  ///< of the latest start, sorted, each once
  std::int64_t ranks = 0;          ///< of the latest start, as its logs count them
  std::int64_t ranks_present = 0;  ///< of these with a usable log
  std::int64_t restarts = 0;       ///< starts less one

  bool complete = false;
  std::string status;  ///< "complete", or what is amiss
  std::vector<std::string> notes;

  std::int64_t steps = 0;           ///< after stitching the starts
  std::int64_t lost_steps = 0;      ///< done and done again by a later start
  std::int64_t measured_steps = 0;  ///< those without warm-up, which the following figures are from
  double measured_ns = 0;           ///< their time: of each start the slowest rank's sum

  std::optional<double> images_per_second;  ///< samples of all ranks / measured_ns
  std::optional<double> step_median_ns;     ///< of each step the slowest rank's time
  std::optional<double> step_p95_ns;
  std::optional<double> step_p99_ns;
  std::array<double, kPhaseCount> phase_ns{};  ///< mean per step over ranks and steps; zeros where measured_steps is 0
  double step_mean_ns = 0;                     ///< likewise
  double comm_ns = 0;                          ///< likewise: all communication, hidden or not

  /// Pipelines: idle over forward, backward and idle, mean over ranks; and what their schedule let expect.
  std::optional<double> bubble;
  std::optional<double> predicted_bubble;

  std::optional<double> epoch_ns;             ///< median over epochs of the slowest rank's duration; see kEpochRule
  std::optional<double> epoch_validation_ns;  ///< median over epochs; so for the next
  std::optional<double> epoch_checkpoint_ns;
  std::int64_t steps_per_epoch = 0;  ///< of a whole one; 0 where the log does not say
  std::int64_t epochs = 0;           ///< finished
  std::vector<EpochFigures> epoch_figures;
  double training_ns = 0;    ///< of all finished epochs together; where there are none of the measured steps
  std::int64_t devices = 0;  ///< that all ranks drive together
  /// Bytes a second in training, mean over the latest start's ranks and epochs; see docs/timing-log.md.
  std::optional<double> bus_bandwidth;
  std::optional<double> transfer_bandwidth;
  Utilization utilization;
  std::optional<double> last_val_accuracy;
  std::optional<double> best_val_accuracy;
  std::optional<double> last_train_loss;
  std::vector<CurvePoint> loss;          ///< over training samples seen; mean over ranks and neighbouring steps
  std::vector<CurvePoint> val_accuracy;  ///< over epochs done
  std::vector<RunEvent> events;
  std::vector<RankMemory> memory;     ///< of the latest start, by rank
  std::vector<DeviceUse> device_use;  ///< of all starts, by rank and device; empty where nobody watched

  Balance balance;  ///< of the start with the most measured steps; so for the next
  std::vector<SizeBandwidth> bandwidth_by_size;
  Timeline timeline;
  Limit limit;

  /// Shares of step_mean_ns; 0 where there is none.
  double share(Phase phase) const;
  /// Training time times devices.
  double device_hours() const { return training_ns * static_cast<double>(devices) / 3.6e12; }
  /// Communication that computing did not wait for, mean per step.
  double hidden_comm_ns() const;
  /// Hidden and exposed: a pipeline's exchanges are in the exposed part alone.
  double all_comm_ns() const;
};

/// Whether the run has devices that something goes between. One alone waits some microseconds for nobody.
bool communicates(const RunSummary& run);

inline constexpr const char* kEpochRule =
    "Epoch time: the median over finished epochs of the slowest rank's time, training, validation and checkpoints "
    "together; the first epoch of each start is left out where there are others.";

/// Figures of one run. Times come from the starts that ran as the latest one did (ranks, strategy, precision, batch),
/// losses and accuracies from all. `label` is the run's own name, cleaned.
RunSummary summarize(const Run& run);

/// The attributes with every text cleaned for showing, but `config` and `warnings`, which are so line by line.
log::RunAttributes cleaned(log::RunAttributes attributes);

/// Short unique names: the run's own, with its job where several have the same, with its folder where that is not
/// enough.
void label_runs(std::vector<RunSummary>& runs);

}  // namespace trainyard::report
