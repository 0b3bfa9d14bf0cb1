#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>
#include <utility>

#include "report/config_text.h"
#include "report/format.h"
#include "report/labels.h"
#include "report/notes.h"
#include "report/statistics.h"
#include "report/step_times.h"
#include "report/window.h"

namespace trainyard::report {
namespace {

std::int64_t ranks_with_steps(const Start& start) {
  return std::count_if(start.ranks.begin(), start.ranks.end(), [](const RankLog& log) { return log.steps.size() > 0; });
}

/// Mean of an epochs' column over the latest start, where it has positive figures.
std::optional<double> epoch_mean(const Start& latest, double log::EpochRow::*column) {
  double sum = 0;
  double count = 0;
  for (const RankLog& log : latest.ranks) {
    for (const log::EpochRow& row : log.epochs) {
      if (!(row.*column > 0) || !std::isfinite(row.*column)) continue;
      sum += row.*column;
      ++count;
    }
  }
  return count > 0 ? std::optional(sum / count) : std::nullopt;
}

void store_bubble(const Start& latest, RunSummary& summary) {
  double sum_ppm = 0;
  for (const RankLog& log : latest.ranks) {
    const std::int64_t ppm = log.attributes.predicted_bubble_ppm;
    if (ppm < 0 || ppm > 1'000'000) return;
    sum_ppm += static_cast<double>(ppm);
  }
  summary.predicted_bubble = sum_ppm / 1e6 / static_cast<double>(latest.ranks.size());
  const double idle = summary.share(Phase::kIdle);
  const double active = summary.share(Phase::kForward) + summary.share(Phase::kBackward);
  if (idle + active <= 0) return;
  summary.bubble = idle / (idle + active);
}

/// Median over the finished epochs of one of their times; nothing where the logs do not say.
std::optional<double> median_part(const std::vector<EpochFigures>& epochs, std::int64_t log::EpochRow::*part) {
  std::vector<double> times;
  for (const EpochFigures& figures : epochs) {
    if (figures.counts_for_time && figures.row.*part >= 0) times.push_back(static_cast<double>(figures.row.*part));
  }
  return quantile(times, 0.5);
}

void store_epochs(const Run& run, RunSummary& summary) {
  summary.epoch_figures = epochs_of(run);
  summary.epochs = std::ssize(summary.epoch_figures);
  std::vector<double> steady;
  std::vector<double> all;
  for (const EpochFigures& figures : summary.epoch_figures) {
    if (figures.counts_for_time) all.push_back(figures.slowest_ns);
    if (figures.counts_for_time && !figures.first_of_start) steady.push_back(figures.slowest_ns);
    if (std::isfinite(figures.row.train_loss)) summary.last_train_loss = figures.row.train_loss;
    const double accuracy = figures.row.val_accuracy;
    if (!(accuracy >= 0 && accuracy <= 1)) continue;
    summary.val_accuracy.push_back({static_cast<double>(figures.row.epoch) + 1, accuracy});
    summary.last_val_accuracy = accuracy;
    summary.best_val_accuracy = std::max(summary.best_val_accuracy.value_or(accuracy), accuracy);
  }
  summary.epoch_ns = quantile(steady.empty() ? all : steady, 0.5);
  summary.epoch_validation_ns = median_part(summary.epoch_figures, &log::EpochRow::validation_ns);
  summary.epoch_checkpoint_ns = median_part(summary.epoch_figures, &log::EpochRow::checkpoint_ns);
  summary.steps_per_epoch = steps_per_epoch(run);
  for (const double ns : all)
    summary.training_ns += ns;
}

/// Devices that one rank drives.
std::int64_t devices_per_rank(const log::RunAttributes& id) {
  if (id.strategy != "dp" && id.strategy != "model-parallel") return 1;
  return std::clamp<std::int64_t>(config_number(parse_config_text(id.config), "devices").value_or(1), 1, 64);
}

/// The start with the most measured steps of those that ran as the latest one did.
std::size_t best_measured(const Run& run, const Stitched& stitched) {
  std::size_t best = run.starts.size() - 1;
  for (std::size_t s = 0; s < run.starts.size(); ++s) {
    if (same_speed(run.starts[s], run.starts.back()) &&
        stitched.windows[s].measured() > stitched.windows[best].measured())
      best = s;
  }
  return best;
}

}  // namespace

double RunSummary::share(Phase phase) const {
  return step_mean_ns > 0 ? phase_ns[static_cast<std::size_t>(phase)] / step_mean_ns : 0.0;
}

double RunSummary::hidden_comm_ns() const {
  return std::max(0.0, comm_ns - phase_ns[static_cast<std::size_t>(Phase::kExposedComm)]);
}

double RunSummary::all_comm_ns() const {
  return hidden_comm_ns() + phase_ns[static_cast<std::size_t>(Phase::kExposedComm)];
}

bool communicates(const RunSummary& run) {
  return run.devices > 1 && run.all_comm_ns() > 0;
}

log::RunAttributes cleaned(log::RunAttributes attributes) {
  for (const log::AttributeField& field : log::attribute_fields()) {
    const auto* text = std::get_if<std::string log::RunAttributes::*>(&field.member);
    const bool many_lines = field.name == "config" || field.name == "warnings";  // cleaned line by line where shown
    if (text != nullptr && !many_lines) attributes.*(*text) = clean_text(attributes.*(*text));
  }
  return attributes;
}

RunSummary summarize(const Run& run) {
  const Start& latest = run.starts.back();
  RunSummary summary;
  summary.folder = clean_text(run.folder);
  summary.attributes = cleaned(latest.ranks.front().attributes);
  summary.label = summary.attributes.run;
  summary.ranks = summary.attributes.world_size;
  summary.ranks_present = ranks_with_steps(latest);
  summary.restarts = std::ssize(run.starts) - 1;
  std::set<std::string> nodes;
  for (const RankLog& log : latest.ranks) {
    if (!log.attributes.node.empty()) nodes.insert(clean_text(log.attributes.node));
  }
  summary.nodes.assign(nodes.begin(), nodes.end());

  const Stitched stitched = stitch(run);
  StepTimes times;
  for (std::size_t s = 0; s < run.starts.size(); ++s) {
    const Window& window = stitched.windows[s];
    summary.steps += static_cast<std::int64_t>(window.steps.size());
    if (!window.steps.empty() && same_speed(run.starts[s], latest)) times.add(run.starts[s], window);
  }
  summary.lost_steps = stitched.lost;
  times.store(summary);
  LossCurve losses = loss_curve(run, stitched.windows);
  summary.loss = std::move(losses.points);
  store_epochs(run, summary);
  constexpr std::int64_t kMostRanks = std::int64_t{1} << 40;  // more is a forged number, which must not overflow
  summary.devices = std::min(summary.ranks, kMostRanks) * devices_per_rank(summary.attributes);
  summary.utilization = utilization_of(summary.attributes, summary.images_per_second, summary.devices);
  if (summary.training_ns <= 0) summary.training_ns = summary.measured_ns;
  summary.memory = memory_of(latest);
  summary.events = events_of(run);
  for (const Start& start : run.starts) {
    for (const RankLog& log : start.ranks)
      add_device_use(summary.device_use, log.devices);
  }
  summary.bus_bandwidth = epoch_mean(latest, &log::EpochRow::bus_bandwidth);
  summary.transfer_bandwidth = epoch_mean(latest, &log::EpochRow::transfer_bandwidth);
  store_bubble(latest, summary);

  const std::size_t best = best_measured(run, stitched);
  summary.balance = balance_of(run.starts[best], stitched.windows[best]);
  summary.bandwidth_by_size = bandwidth_by_size(run.starts[best]);
  summary.timeline = timeline_of(run);
  summary.limit = limit_of(summary);
  store_notes(run, stitched, losses.not_finite, summary);
  return summary;
}

void label_runs(std::vector<RunSummary>& runs) {
  make_labels(runs);
}

}  // namespace trainyard::report
