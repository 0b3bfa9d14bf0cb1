#pragma once

#include "report/summary.h"
#include "report/window.h"

namespace trainyard::report {

/// Sums over the measured steps of the starts of a run that count for its speed.
class StepTimes {
 public:
  void add(const Start& start, const Window& window);
  /// Fills in the figures that the steps' times give.
  void store(RunSummary& run) const;

 private:
  double add_rank(const RankLog& log, const Window& window, const Counts& rows, std::vector<std::int64_t>& slowest);

  std::array<double, kPhaseCount> phase_ns_{};
  std::vector<double> step_times_;  ///< of each step the slowest rank's
  double measured_ns_ = 0;
  double step_ns_ = 0;
  double comm_ns_ = 0;
  double samples_ = 0;
  double rows_ = 0;
};

}  // namespace trainyard::report
