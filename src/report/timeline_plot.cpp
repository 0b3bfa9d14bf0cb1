#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/text.h"
#include "report/axis.h"
#include "report/cells.h"
#include "report/format.h"
#include "report/plots.h"
#include "report/svg.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kShownSteps = 3;
constexpr std::size_t kWarmup = 10;

struct Shown {
  std::vector<const Track*> tracks;  ///< of the latest start
  std::int64_t first_step = 0;
  std::int64_t last_step = -1;  ///< below the first: nothing to show
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;

  bool has(const TimelineStep& step) const { return step.step >= first_step && step.step <= last_step; }
};

Shown shown_of(const RunSummary& run) {
  Shown shown;
  if (run.timeline.empty()) return shown;
  const std::int64_t restart = run.timeline.tracks.back().restart;
  for (const Track& track : run.timeline.tracks) {
    if (track.restart == restart && shown.tracks.size() < kTimelineRanks) shown.tracks.push_back(&track);
  }
  const std::vector<TimelineStep>& steps = shown.tracks.front()->steps;
  const std::size_t first =
      steps.size() > kWarmup + kShownSteps ? kWarmup : steps.size() - std::min(steps.size(), kShownSteps);
  shown.first_step = steps[first].step;
  shown.last_step = steps[std::min(first + kShownSteps, steps.size()) - 1].step;
  shown.start_ns = std::numeric_limits<std::int64_t>::max();
  for (const Track* track : shown.tracks) {
    for (const TimelineStep& step : track->steps) {
      if (!shown.has(step)) continue;
      shown.start_ns = std::min(shown.start_ns, step.start_ns);
      shown.end_ns = std::max(shown.end_ns, step.start_ns + step.step_ns);
    }
  }
  return shown;
}

void draw_step(Svg& svg, const TimelineStep& step, std::int64_t rank, const Shown& shown, const Scale& x, double y,
               double height) {
  double at_ns = static_cast<double>(step.start_ns - shown.start_ns);
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const auto ns = static_cast<double>(step.phase_ns[phase]);
    svg.rectangle({x(at_ns), y}, x(at_ns + ns) - x(at_ns), height, fmt::format("p{}", phase),
                  fmt::format("rank {}, step {}: {} {}", rank, step.step, kPhases[phase].title,
                              core::format_duration_ns(step.phase_ns[phase])));
    at_ns += ns;
  }
}

std::string draw(const Shown& shown, const std::string& id, const std::string& label, Layout layout) {
  const bool wide = layout == Layout::kWide;
  const double width = wide ? 1080 : 360;
  const double left = wide ? 90 : 58;
  const double pitch = wide ? 30 : 26;
  const double top = 8;
  const double bottom = top + pitch * static_cast<double>(shown.tracks.size());
  const auto length_ns = static_cast<double>(shown.end_ns - shown.start_ns);
  const TimeUnit unit = time_unit_for(length_ns);
  Svg svg(width, bottom + 44, id + (wide ? "-w" : "-n"), "Timeline of " + label,
          fmt::format("Steps {} to {} of each rank, phases in the order of a step. The table below has the means.",
                      shown.first_step, shown.last_step));
  const std::vector<double> ticks = nice_ticks(0, length_ns / unit.ns, wide ? 10 : 4);
  const Scale x(0, ticks.back() * unit.ns, left, width - 24);
  for (const double tick : ticks) {
    svg.line({x(tick * unit.ns), top - 4}, {x(tick * unit.ns), bottom}, "grid");
    svg.text({x(tick * unit.ns), bottom + 17}, format_trimmed(tick), "tick", Anchor::kMiddle);
  }
  svg.text({(left + width - 24) / 2, bottom + 37}, fmt::format("time, {}", unit.name), "axis-title", Anchor::kMiddle);
  for (std::size_t i = 0; i < shown.tracks.size(); ++i) {
    const double y = top + pitch * static_cast<double>(i) + 3;
    svg.text({left - 8, y + pitch / 2 + 1}, fmt::format("rank {}", shown.tracks[i]->rank), "label", Anchor::kEnd);
    for (const TimelineStep& step : shown.tracks[i]->steps) {
      if (shown.has(step)) draw_step(svg, step, shown.tracks[i]->rank, shown, x, y, pitch - 6);
    }
  }
  return std::move(svg).take();
}

}  // namespace

Plot timeline_plot(const RunSummary& run, const std::string& id) {
  const Shown shown = shown_of(run);
  if (shown.last_step < shown.first_step || shown.end_ns <= shown.start_ns) return {};
  Plot plot{id, draw(shown, id, run.label, Layout::kWide), draw(shown, id, run.label, Layout::kNarrow), {}};
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    const bool there = std::any_of(shown.tracks.begin(), shown.tracks.end(), [&](const Track* track) {
      return std::any_of(track->steps.begin(), track->steps.end(),
                         [&](const TimelineStep& step) { return shown.has(step) && step.phase_ns[phase] > 0; });
    });
    if (there) plot.legend.push_back({fmt::format("p{}", phase), std::string(kPhases[phase].title)});
  }
  return plot;
}

Table timeline_table(const RunSummary& run) {
  const Shown shown = shown_of(run);
  Table table{fmt::format("Mean of steps {} to {}", shown.first_step, shown.last_step),
              {{"rank", "rank"}, {"node", "node"}, {"step_ns", "step", Format::kDuration}},
              {}};
  for (const PhaseName& phase : kPhases)
    table.columns.push_back({std::string(phase.id) + "_ns", std::string(phase.title), Format::kDuration});
  for (const Track* track : shown.tracks) {
    double count = 0;
    double step_ns = 0;
    std::array<double, kPhaseCount> phase_ns{};
    for (const TimelineStep& step : track->steps) {
      if (!shown.has(step)) continue;
      ++count;
      step_ns += static_cast<double>(step.step_ns);
      for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
        phase_ns[phase] += static_cast<double>(step.phase_ns[phase]);
    }
    std::vector<Cell> row{cell(std::to_string(track->rank)), cell(track->node), cell_if(count > 0, step_ns / count)};
    for (const double ns : phase_ns)
      row.push_back(cell_if(count > 0, ns / count));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace trainyard::report
