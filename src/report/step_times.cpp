#include "report/step_times.h"

#include <algorithm>
#include <mutex>

#include "report/parallel.h"
#include "report/statistics.h"

namespace trainyard::report {

void StepTimes::add(const Start& start, const Window& window) {
  std::vector<Sums> sums(start.ranks.size());
  std::vector<std::int64_t> slowest(window.measured(), 0);
  std::mutex merging;
  in_parallel(start.ranks.size(), kRanksAThread, [&](std::size_t begin, std::size_t end) {
    std::vector<std::int64_t> slowest_here(slowest.size(), 0);
    for (std::size_t r = begin; r < end; ++r) {
      if (window.rows[r].empty()) continue;
      sums[r] = sums_of(start.ranks[r], window, window.rows[r]);
      for_each_measured(start.ranks[r].steps.step_ns, window.rows[r], window.warmup,
                        [&](std::size_t k, std::int64_t ns) { slowest_here[k] = std::max(slowest_here[k], ns); });
    }
    const std::lock_guard<std::mutex> lock(merging);
    std::transform(slowest.begin(), slowest.end(), slowest_here.begin(), slowest.begin(),
                   [](std::int64_t a, std::int64_t b) { return std::max(a, b); });
  });
  double slowest_total = 0;
  for (std::size_t r = 0; r < start.ranks.size(); ++r) {  // in this order, so that the same logs give the same sums
    if (window.rows[r].empty()) continue;
    add(sums[r]);
    rows_ += static_cast<double>(window.measured());
    slowest_total = std::max(slowest_total, sums[r].step_ns);
  }
  measured_ns_ += slowest_total;
  step_times_.insert(step_times_.end(), slowest.begin(), slowest.end());
}

StepTimes::Sums StepTimes::sums_of(const RankLog& log, const Window& window, const Counts& rows) {
  const auto sum = [&](const Counts& column) { return sum_of_measured(column, rows, window.warmup); };
  Sums sums;
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    sums.phase_ns[phase] = sum(log.steps.phase_ns[phase]);
  sums.step_ns = sum(log.steps.step_ns);
  sums.comm_ns = sum(log.steps.comm_ns);
  sums.samples = sum(log.steps.samples);
  return sums;
}

void StepTimes::add(const Sums& sums) {
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    phase_ns_[phase] += sums.phase_ns[phase];
  step_ns_ += sums.step_ns;
  comm_ns_ += sums.comm_ns;
  samples_ += sums.samples;
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
