#pragma once

#include <string>

namespace trainyard::report {

struct RunSummary;

/// What keeps a run from being faster.
struct Limit {
  /// A phase's id, `straggler`, `wandering-delays`, `compute`, or `unknown` where the log says too little.
  std::string id = "unknown";
  std::string sentence;  ///< one, with the figures it rests on
};

inline constexpr const char* kLimitRule =
    "What limits a run: the largest of waiting for data, copying, exposed communication, idling, optimizer and "
    "unaccounted time where it takes a tenth of a step or more, else computing. Where late ranks account for half of "
    "the "
    "exposed communication, they are named instead of it.";

/// From the figures that are in the summary already: phases, balance, communication, utilization.
Limit limit_of(const RunSummary& run);

}  // namespace trainyard::report
