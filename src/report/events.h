#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// Something that happened in a run, as the lowest rank of each start has logged it.
struct RunEvent {
  std::int64_t restart = 0;
  double after_ns = 0;  ///< since the run's first start
  std::string kind;     ///< cleaned, as is the text
  std::string text;
};

inline constexpr const char* kEventRule =
    "Events are those of each start's lowest rank, the first 1,000 of a log; times count from the run's first start, "
    "by "
    "the wall clocks of its starts.";

/// In the order of the starts and, within each, of its log.
std::vector<RunEvent> events_of(const Run& run);

}  // namespace trainyard::report
