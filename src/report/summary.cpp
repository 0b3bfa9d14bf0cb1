#include "report/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/text.h"
#include "report/assemble.h"
#include "report/format.h"
#include "report/labels.h"
#include "report/statistics.h"
#include "report/window.h"

namespace trainyard::report {
namespace {

constexpr double kLargestLoss = 1e15;  // what lies beyond is shown as diverged, not drawn
constexpr std::int64_t kLastEpoch = 1'000'000'000;

/// What decides how fast a start runs; figures of starts that differ here are not mixed.
auto speed_key(const Start& start) {
  const log::RunAttributes& id = start.ranks.front().attributes;
  return std::tie(id.world_size, id.strategy, id.precision, id.global_batch, id.device, id.device_name);
}

std::int64_t ranks_with_steps(const Start& start) {
  return std::count_if(start.ranks.begin(), start.ranks.end(), [](const RankLog& log) { return log.steps.size() > 0; });
}

/// Sums over the measured steps of all starts that count.
class TimeSums {
 public:
  void add(const Start& start, const Window& window) {
    double slowest_total = 0;
    std::vector<std::int64_t> slowest(window.steps.size() - window.warmup, 0);
    for (std::size_t r = 0; r < start.ranks.size(); ++r) {
      if (!window.rows[r].empty())
        slowest_total = std::max(slowest_total, add_rank(start.ranks[r], window, r, slowest));
    }
    measured_ns_ += slowest_total;
    step_times_.insert(step_times_.end(), slowest.begin(), slowest.end());
  }

  void store(RunSummary& run) const {
    run.measured_steps = std::ssize(step_times_);
    run.measured_ns = measured_ns_;
    if (step_times_.empty()) return;
    run.step_median_ns = quantile(step_times_, 0.5);
    run.step_p95_ns = quantile(step_times_, 0.95);
    if (measured_ns_ > 0 && samples_ > 0) run.images_per_second = samples_ / (measured_ns_ / 1e9);
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
      run.phase_ns[phase] = phase_ns_[phase] / rows_;
    run.step_mean_ns = step_ns_ / rows_;
    run.comm_ns = comm_ns_ / rows_;
  }

 private:
  double add_rank(const RankLog& log, const Window& window, std::size_t rank, std::vector<std::int64_t>& slowest) {
    double total = 0;
    for (std::size_t k = window.warmup; k < window.steps.size(); ++k) {
      const std::size_t row = window.rows[rank][k];
      const std::int64_t step_ns = log.steps.step_ns[row];
      slowest[k - window.warmup] = std::max(slowest[k - window.warmup], step_ns);
      total += static_cast<double>(step_ns);
      samples_ += static_cast<double>(log.steps.samples[row]);
      comm_ns_ += static_cast<double>(log.steps.comm_ns[row]);
      for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
        phase_ns_[phase] += static_cast<double>(log.steps.phase_ns[phase][row]);
      }
    }
    step_ns_ += total;
    rows_ += static_cast<double>(window.steps.size() - window.warmup);
    return total;
  }

  std::array<double, kPhaseCount> phase_ns_{};
  std::vector<double> step_times_;
  double measured_ns_ = 0;
  double step_ns_ = 0;
  double comm_ns_ = 0;
  double samples_ = 0;
  double rows_ = 0;
};

/// The loss of each stitched step over the samples seen so far.
std::vector<CurvePoint> loss_of_steps(const Run& run, const std::vector<Window>& windows, std::int64_t& not_finite) {
  std::vector<CurvePoint> points;
  double seen = 0;
  for (std::size_t s = 0; s < run.starts.size(); ++s) {
    for (std::size_t k = 0; k < windows[s].steps.size(); ++k) {
      double weighted = 0;
      double weight = 0;
      for (std::size_t r = 0; r < run.starts[s].ranks.size(); ++r) {
        if (windows[s].rows[r].empty()) continue;
        const StepColumns& steps = run.starts[s].ranks[r].steps;
        const std::size_t row = windows[s].rows[r][k];
        if (steps.samples[row] == 0) continue;  // no loss either: a pipeline's stage before the last
        const auto samples = static_cast<double>(steps.samples[row]);
        weighted += steps.loss[row] * samples;
        weight += samples;
      }
      seen += weight;
      if (weight > 0 && std::abs(weighted / weight) < kLargestLoss) {
        points.push_back({seen, weighted / weight});
      } else {
        ++not_finite;
      }
    }
  }
  return points;
}

std::vector<CurvePoint> thin_out(const std::vector<CurvePoint>& points) {
  if (points.size() <= kCurvePoints) return points;
  std::vector<CurvePoint> thin;
  for (std::size_t bin = 0; bin < kCurvePoints; ++bin) {
    const std::size_t begin = bin * points.size() / kCurvePoints;
    const std::size_t end = (bin + 1) * points.size() / kCurvePoints;
    CurvePoint sum;
    for (std::size_t i = begin; i < end; ++i)
      sum.value += points[i].value;
    thin.push_back({points[end - 1].x, sum.value / static_cast<double>(end - begin)});
  }
  return thin;
}

struct EpochFigures {
  log::EpochRow row;      ///< of the lowest rank that has it
  double slowest_ns = 0;  ///< over the ranks
  bool first_of_start = false;
  bool counts_for_time = false;
};

/// Where a start began to count epochs, as far as its logs say.
std::int64_t first_epoch(const Start& start) {
  std::int64_t first = kLastEpoch + 1;
  for (const RankLog& log : start.ranks) {
    if (!log.steps.epoch.empty()) first = std::min(first, log.steps.epoch.front());
    for (const log::EpochRow& row : log.epochs)
      first = std::min(first, row.epoch);
  }
  return std::max<std::int64_t>(first, 0);
}

/// Finished epochs. From a start, only those before the first epoch of every later start count: what a later start did
/// again, or has yet to do again, is not this run's result any more.
std::map<std::int64_t, EpochFigures> epochs_of(const Run& run) {
  std::map<std::int64_t, EpochFigures> epochs;
  std::int64_t limit = kLastEpoch + 1;
  for (std::size_t s = run.starts.size(); s-- > 0;) {
    const Start& start = run.starts[s];
    std::map<std::int64_t, EpochFigures> of_start;
    for (const RankLog& log : start.ranks) {
      for (const log::EpochRow& row : log.epochs) {
        if (row.epoch < 0 || row.epoch >= limit) continue;
        EpochFigures& figures = of_start.try_emplace(row.epoch, EpochFigures{row, 0, false, false}).first->second;
        figures.slowest_ns = std::max(figures.slowest_ns, static_cast<double>(row.duration_ns));
      }
    }
    if (!of_start.empty()) of_start.begin()->second.first_of_start = true;
    for (auto& [epoch, figures] : of_start)
      figures.counts_for_time = figures.slowest_ns > 0 && speed_key(start) == speed_key(run.starts.back());
    epochs.merge(of_start);
    limit = std::min(limit, first_epoch(start));
  }
  return epochs;
}

void store_epochs(const Run& run, RunSummary& summary) {
  const std::map<std::int64_t, EpochFigures> epochs = epochs_of(run);
  summary.epochs = std::ssize(epochs);
  std::vector<double> steady;
  std::vector<double> all;
  for (const auto& [epoch, figures] : epochs) {
    if (figures.counts_for_time) all.push_back(figures.slowest_ns);
    if (figures.counts_for_time && !figures.first_of_start) steady.push_back(figures.slowest_ns);
    if (std::isfinite(figures.row.train_loss)) summary.last_train_loss = figures.row.train_loss;
    const double accuracy = figures.row.val_accuracy;
    if (!(accuracy >= 0 && accuracy <= 1)) continue;
    summary.val_accuracy.push_back({static_cast<double>(epoch) + 1, accuracy});
    summary.last_val_accuracy = accuracy;
    summary.best_val_accuracy = std::max(summary.best_val_accuracy.value_or(accuracy), accuracy);
  }
  summary.epoch_ns = quantile(steady.empty() ? all : steady, 0.5);
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

void store_completeness(const Start& latest, RunSummary& summary) {
  std::vector<std::int64_t> open_ranks;
  for (const RankLog& log : latest.ranks) {
    if (!log.complete) open_ranks.push_back(log.attributes.rank);
  }
  const bool missing = summary.ranks_present < summary.ranks;
  summary.complete = open_ranks.empty() && !missing;
  summary.status = summary.complete ? "complete" : "incomplete";
  if (!open_ranks.empty()) {
    summary.notes.push_back(fmt::format("Not complete: {} {} did not end cleanly (killed, failed, or still running).",
                                        open_ranks.size() == 1 ? "rank" : "ranks", format_ranges(open_ranks)));
  }
  if (missing) {
    summary.notes.push_back(
        fmt::format("Logs of {} of {} ranks are missing or without steps: figures are of the others, "
                    "and this run takes no part in scaling.",
                    summary.ranks - summary.ranks_present, summary.ranks));
  }
}

void note_restarts(const Run& run, const Stitched& stitched, RunSummary& summary) {
  if (run.starts.size() < 2) return;
  std::vector<std::int64_t> numbers;
  bool as_latest = true;
  for (const Start& start : run.starts) {
    numbers.push_back(start.restart);
    as_latest = as_latest && speed_key(start) == speed_key(run.starts.back());
  }
  std::string note = fmt::format("Restarts {} are joined; {} {} done again after a restart.", format_ranges(numbers),
                                 stitched.lost, stitched.lost == 1 ? "step was" : "steps were");
  if (!as_latest) note += " Times come only from the starts that ran as the latest one did.";
  summary.notes.push_back(std::move(note));
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
  summary.notes.push_back(
      fmt::format("Pipeline bubble: {} of forward, backward and idle time measured, {} predicted from the schedule and "
                  "the cost of each part.",
                  format_percent(*summary.bubble), format_percent(*summary.predicted_bubble)));
}

void note_warnings(const Start& latest, RunSummary& summary) {
  constexpr std::size_t kMostWarnings = 12;
  std::set<std::string> said;
  for (const RankLog& log : latest.ranks) {
    for (const std::string_view line : core::split(log.attributes.warnings, '\n')) {
      std::string warning = clean_text(core::trim(line));
      if (warning.empty() || !said.insert(warning).second || said.size() > kMostWarnings) continue;
      summary.notes.push_back(fmt::format("Warning of rank {}: {}", log.attributes.rank, warning));
    }
  }
  if (said.size() > kMostWarnings) {
    summary.notes.push_back(fmt::format("{} more warnings are in its logs.", said.size() - kMostWarnings));
  }
}

void note_identities(RunSummary& summary) {
  if (summary.step_mean_ns <= 0) return;
  double sum = 0;
  for (const double phase_ns : summary.phase_ns)
    sum += phase_ns;
  if (std::abs(sum / summary.step_mean_ns - 1) > 0.01) {
    summary.notes.push_back(fmt::format("The phases add up to {} of the steps: the log does not keep its own identity.",
                                        format_percent(sum / summary.step_mean_ns)));
  }
  if (summary.share(Phase::kOther) > 0.02) {
    summary.notes.push_back(fmt::format("{} of a step is not accounted for by any phase (other).",
                                        format_percent(summary.share(Phase::kOther))));
  }
}

}  // namespace

double RunSummary::share(Phase phase) const {
  return step_mean_ns > 0 ? phase_ns[static_cast<std::size_t>(phase)] / step_mean_ns : 0.0;
}

double RunSummary::hidden_comm_ns() const {
  return std::max(0.0, comm_ns - phase_ns[static_cast<std::size_t>(Phase::kExposedComm)]);
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
  TimeSums times;
  for (std::size_t s = 0; s < run.starts.size(); ++s) {
    const Window& window = stitched.windows[s];
    summary.steps += std::ssize(window.steps);
    if (!window.steps.empty() && speed_key(run.starts[s]) == speed_key(latest)) times.add(run.starts[s], window);
  }
  summary.lost_steps = stitched.lost;
  times.store(summary);
  std::int64_t not_finite = 0;
  summary.loss = thin_out(loss_of_steps(run, stitched.windows, not_finite));
  store_epochs(run, summary);
  summary.memory = memory_of(latest);
  summary.bus_bandwidth = epoch_mean(latest, &log::EpochRow::bus_bandwidth);
  summary.transfer_bandwidth = epoch_mean(latest, &log::EpochRow::transfer_bandwidth);

  store_completeness(latest, summary);
  if (!summary.attributes.precision_note.empty()) {
    summary.notes.push_back(
        fmt::format("Precision {}: {}", summary.attributes.precision, summary.attributes.precision_note));
  }
  note_restarts(run, stitched, summary);
  if (summary.measured_steps == 0) summary.notes.push_back("No step that all its ranks logged: nothing to measure.");
  if (not_finite > 0) {
    summary.notes.push_back(
        fmt::format("{} of {} steps have no finite loss: they are not in the loss curve.", not_finite, summary.steps));
  }
  store_bubble(latest, summary);
  note_identities(summary);
  note_warnings(latest, summary);
  return summary;
}

void label_runs(std::vector<RunSummary>& runs) {
  make_labels(runs);
}

}  // namespace trainyard::report
