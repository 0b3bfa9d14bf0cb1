#include "report/step_times.h"

#include <algorithm>

#include "report/statistics.h"

namespace trainyard::report {

void StepTimes::add(const Start& start, const Window& window) {
  double slowest_total = 0;
  std::vector<std::int64_t> slowest(window.measured(), 0);
  for (std::size_t r = 0; r < start.ranks.size(); ++r) {
    if (window.rows[r].empty()) continue;
    slowest_total = std::max(slowest_total, add_rank(start.ranks[r], window, window.rows[r], slowest));
  }
  measured_ns_ += slowest_total;
  step_times_.insert(step_times_.end(), slowest.begin(), slowest.end());
}

double StepTimes::add_rank(const RankLog& log, const Window& window, const Counts& rows,
                           std::vector<std::int64_t>& slowest) {
  const auto sum = [&](const Counts& column) { return sum_of_measured(column, rows, window.warmup); };
  for_each_measured(log.steps.step_ns, rows, window.warmup,
                    [&slowest](std::size_t k, std::int64_t step_ns) { slowest[k] = std::max(slowest[k], step_ns); });
  const double total = sum(log.steps.step_ns);
  samples_ += sum(log.steps.samples);
  comm_ns_ += sum(log.steps.comm_ns);
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    phase_ns_[phase] += sum(log.steps.phase_ns[phase]);
  step_ns_ += total;
  rows_ += static_cast<double>(window.measured());
  return total;
}

void StepTimes::store(RunSummary& run) const {
  run.measured_steps = std::ssize(step_times_);
  run.measured_ns = measured_ns_;
  if (step_times_.empty()) return;
  run.step_median_ns = quantile(step_times_, 0.5);
  run.step_p95_ns = quantile(step_times_, 0.95);
  run.step_p99_ns = quantile(step_times_, 0.99);
  if (measured_ns_ > 0 && samples_ > 0) run.images_per_second = samples_ / (measured_ns_ / 1e9);
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    run.phase_ns[phase] = phase_ns_[phase] / rows_;
  run.step_mean_ns = step_ns_ / rows_;
  run.comm_ns = comm_ns_ / rows_;
}

}  // namespace trainyard::report
