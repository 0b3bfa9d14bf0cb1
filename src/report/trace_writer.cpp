#include "report/trace_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

namespace trainyard::report {
namespace {

class Events {
 public:
  template <typename... Args>
  void add(fmt::format_string<Args...> format, Args&&... args) {
    markup_ += markup_.empty() ? "\n" : ",\n";
    fmt::format_to(std::back_inserter(markup_), format, std::forward<Args>(args)...);
  }
  std::string take() { return std::move(markup_); }

 private:
  std::string markup_;
};

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

/// Microseconds to the nanosecond, without the rounding of a double.
std::string microseconds(std::int64_t ns) {
  return fmt::format("{}.{:03}", ns / 1000, ns % 1000);
}

void add_steps(Events& events, const Track& track, std::int64_t zero_ns) {
  for (const TimelineStep& step : track.steps) {
    const std::int64_t start_ns = step.start_ns - zero_ns;
    events.add(R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":"step","args":{{"step":{}}}}})", track.restart,
               track.rank, microseconds(start_ns), microseconds(step.step_ns), step.step);
    std::int64_t at_ns = start_ns;
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      const std::int64_t left_ns = start_ns + step.step_ns - at_ns;  // a log may not keep its own identity
      const std::int64_t phase_ns = std::min(step.phase_ns[phase], left_ns);
      if (phase_ns <= 0) continue;
      events.add(R"({{"ph":"X","pid":{},"tid":{},"ts":{},"dur":{},"name":"{}"}})", track.restart, track.rank,
                 microseconds(at_ns), microseconds(phase_ns), kPhases[phase].title);
      at_ns += phase_ns;
    }
  }
}

void add_instants(Events& events, const Track& track, std::int64_t zero_ns) {
  for (const TimelineEvent& event : track.events) {
    events.add(R"({{"ph":"i","s":"t","pid":{},"tid":{},"ts":{},"name":{},"args":{{"text":{}}}}})", track.restart,
               track.rank, microseconds(std::max<std::int64_t>(0, event.time_ns - zero_ns)), quoted(event.kind),
               quoted(event.text));
  }
}

}  // namespace

std::string to_trace(const RunSummary& run) {
  if (run.timeline.empty()) return "";
  Events events;
  for (std::size_t first = 0; first < run.timeline.tracks.size();) {
    const std::int64_t restart = run.timeline.tracks[first].restart;
    std::size_t end = first;
    std::int64_t zero_ns = std::numeric_limits<std::int64_t>::max();  // each start has a clock of its own
    for (; end < run.timeline.tracks.size() && run.timeline.tracks[end].restart == restart; ++end)
      zero_ns = std::min(zero_ns, run.timeline.tracks[end].steps.front().start_ns);
    events.add(R"({{"ph":"M","pid":{},"tid":0,"name":"process_name","args":{{"name":{}}}}})", restart,
               quoted(fmt::format("{}, restart {}", run.label, restart)));
    for (; first < end; ++first) {
      const Track& track = run.timeline.tracks[first];
      const std::string name = fmt::format("rank {}{}{}", track.rank, track.node.empty() ? "" : " on ", track.node);
      events.add(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":{}}}}})", restart, track.rank,
                 quoted(name));
      events.add(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_sort_index","args":{{"sort_index":{}}}}})", restart,
                 track.rank, track.rank);
      add_steps(events, track, zero_ns);
      add_instants(events, track, zero_ns);
    }
  }
  return fmt::format("{{\"displayTimeUnit\":\"ms\",\"traceEvents\":[{}\n]}}\n", events.take());
}

}  // namespace trainyard::report
