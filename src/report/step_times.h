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
  /// Of one rank's measured steps.
  struct Sums {
    std::array<double, kPhaseCount> phase_ns{};
    double step_ns = 0;
    double comm_ns = 0;
    double samples = 0;
  };
  static Sums sums_of(const RankLog& log, const Window& window, const Counts& rows);
  void add(const Sums& sums);

  std::array<double, kPhaseCount> phase_ns_{};
  std::vector<double> step_times_;  ///< of each step the slowest rank's
  double measured_ns_ = 0;
  double step_ns_ = 0;
  double comm_ns_ = 0;
  double samples_ = 0;
  double rows_ = 0;
};

}  // namespace trainyard::report
