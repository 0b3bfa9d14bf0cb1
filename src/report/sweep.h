#pragma once

#include <optional>
#include <vector>

#include "report/preflight.h"
#include "report/summary.h"

namespace trainyard::report {

inline constexpr const char* kSweepRule =
    "Doctor's sweep: the bus bandwidth of all-reduces of that size alone, between the same number of ranks and nodes, "
    "with nothing to compute beside them: of the doctor's file of the run's job, or else of one in the run's folder or "
    "above it. Between its sizes it is interpolated, beyond the largest it is that of the largest.";

/// What all-reduces of `bytes` reached in that sweep, bytes a second; nothing below its smallest size.
std::optional<double> swept_bandwidth(const Preflight& preflight, double bytes);

/// The sweep that a run is to be compared with; nullptr where there is none.
const Preflight* preflight_of(const RunSummary& run, const std::vector<Preflight>& preflights);

/// Fills in SizeBandwidth::swept of every run's all-reduces.
void compare_with_sweeps(std::vector<RunSummary>& runs, const std::vector<Preflight>& preflights);

}  // namespace trainyard::report
