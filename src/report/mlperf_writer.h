#pragma once

#include <string>

#include "report/summary.h"

namespace trainyard::report {

/// The run as lines of MLPerf's training log (`:::MLLOG {...}`, keys and fields as
/// github.com/mlcommons/logging has them): what it is, its start, its epochs and evaluations, its end. Values that the
/// log does not hold are not made up; without epochs there are no intervals.
std::string to_mlperf(const RunSummary& run);

}  // namespace trainyard::report
