#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// A step as one rank spent it. The log says how long each phase took and not in what order, so they are drawn in the
/// order of a step.
struct TimelineStep {
  std::int64_t step = 0;
  std::int64_t start_ns = 0;  ///< on the clock of the start's first rank
  std::int64_t step_ns = 0;
  std::array<std::int64_t, kPhaseCount> phase_ns{};
};

struct TimelineEvent {
  std::int64_t time_ns = 0;
  std::string kind;  ///< cleaned, as the text
  std::string text;
};

/// One rank of one start.
struct Track {
  std::int64_t restart = 0;
  std::int64_t rank = 0;
  std::string node;  ///< cleaned
  std::vector<TimelineStep> steps;
  std::vector<TimelineEvent> events;
};

/// The first steps of each start of a run, ranks aligned at their collectives.
struct Timeline {
  std::vector<Track> tracks;  ///< by start, then rank; those of them that say when steps began

  bool empty() const { return tracks.empty(); }
};

/// Steps of all tracks together that are kept; each track keeps as many as the others.
inline constexpr std::size_t kMostTimelineSteps = 65'536;

Timeline timeline_of(const Run& run);

}  // namespace trainyard::report
