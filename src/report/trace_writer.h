#pragma once

#include <string>

#include "report/summary.h"

namespace trainyard::report {

/// The run's timeline in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open: a process
/// a start, a track a rank, each step a slice with its phases in it; events as instants. Phases stand in the order of a
/// step, since the log says how long each took and not when. Times begin at 0. Empty where the log does not say when
/// steps began. https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
std::string to_trace(const RunSummary& run);

}  // namespace trainyard::report
