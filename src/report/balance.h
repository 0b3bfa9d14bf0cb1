#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/window.h"

namespace trainyard::report {

/// A rank that the others wait for. What counts is a rank's own time of a step, which is the step without exposed
/// communication and idling: so the one that is late is named, and not those that wait for it.
struct Straggler {
  std::int64_t rank = 0;
  std::string node;             ///< cleaned
  Phase cause = Phase::kOther;  ///< the phase in which it loses most against the others
  bool persistent = false;      ///< late in more than half of the steps; otherwise lateness wanders
  double late_share = 0;        ///< of the measured steps: in which it is late
  double late_ns = 0;           ///< mean lateness in those steps
  double cost = 0;              ///< all its lateness over the time of all its steps
};

struct Balance {
  std::optional<double> load;         ///< mean over max of the ranks' own times, summed over the steps
  std::optional<double> step;         ///< the same of each step, weighted by time: falls with delays that wander, too
  std::vector<Straggler> stragglers;  ///< the costliest first, at most kMostStragglers
  /// Steps in which some rank that is no persistent straggler is late, over the measured steps; lateness of the latest.
  double wandering_share = 0;
  double wandering_ns = 0;
};

inline constexpr std::size_t kMostStragglers = 32;

inline constexpr const char* kStragglerRule =
    "Stragglers: a rank's own time is its step without exposed communication and idling. It is late in a step where "
    "that "
    "exceeds the median of the other ranks' (in a pipeline: of those with the same stage) by more than a twentieth of "
    "a "
    "median step and by more than three times the noise. Persistent: its median lateness is above a twentieth of a "
    "step, "
    "that is in more than half of the steps; else it is named only where its lateness adds up to 1 % of its time. Load "
    "balance: mean over max of the ranks' own times.";

/// Of one start's measured steps; nothing for a single rank. `window` is that of the start.
Balance balance_of(const Start& start, const Window& window);

}  // namespace trainyard::report
