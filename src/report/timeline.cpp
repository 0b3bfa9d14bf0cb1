#include "report/timeline.h"

#include <algorithm>

#include "report/bandwidth.h"
#include "report/format.h"

namespace trainyard::report {
namespace {

constexpr std::int64_t kLatestNs = std::int64_t{1} << 53;  // 104 days; what lies beyond is not believed

bool plausible(std::int64_t ns) {
  return ns > -kLatestNs && ns < kLatestNs;
}

Track track_of(const RankLog& log, std::int64_t restart, std::int64_t shift_ns, std::size_t most_steps) {
  Track track{restart, log.attributes.rank, clean_text(log.attributes.node), {}, {}};
  const StepColumns& steps = log.steps;
  for (std::size_t row = 0; row < std::min(steps.start_ns.size(), most_steps); ++row) {
    if (!plausible(steps.start_ns[row])) continue;
    TimelineStep step{steps.step[row], steps.start_ns[row] - shift_ns, steps.step_ns[row], {}};
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
      step.phase_ns[phase] = steps.phase_ns[phase][row];
    track.steps.push_back(step);
  }
  for (const log::EventRow& event : log.events) {
    if (plausible(event.time_ns))
      track.events.push_back({event.time_ns - shift_ns, clean_text(event.kind, 32), clean_text(event.text, 256)});
  }
  return track;
}

}  // namespace

Timeline timeline_of(const Run& run) {
  std::size_t tracks = 0;
  for (const Start& start : run.starts)
    tracks += start.ranks.size();
  const std::size_t most_steps = std::clamp<std::size_t>(kMostTimelineSteps / tracks, 16, kTracedSteps);
  Timeline timeline;
  for (const Start& start : run.starts) {
    const std::vector<std::int64_t> shifts = clock_shifts(start);
    for (std::size_t r = 0; r < start.ranks.size(); ++r) {
      Track track = track_of(start.ranks[r], start.restart, shifts[r], most_steps);
      if (!track.steps.empty()) timeline.tracks.push_back(std::move(track));
    }
  }
  return timeline;
}

}  // namespace trainyard::report
