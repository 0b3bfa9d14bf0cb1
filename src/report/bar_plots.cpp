#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "core/text.h"
#include "report/axis.h"
#include "report/format.h"
#include "report/plots.h"
#include "report/svg.h"

namespace trainyard::report {
namespace {

struct Segment {
  double value = 0;
  std::string css_class;
  std::string tooltip;
  std::string inside;  ///< written in the segment where it fits
};

struct Bar {
  std::string label;
  std::vector<Segment> segments;
  std::string value;  ///< written behind the bar
};

struct BarChart {
  std::string id;
  std::string title;
  std::string description;
  std::string axis_title;
  std::function<std::string(double)> tick_text;
  double largest = 0;  ///< end of the axis, where it is known; 0: from the bars
  std::vector<Bar> bars;
  std::vector<LegendEntry> legend;
};

// Measures in pixels at the picture's own size.
struct Geometry {
  double width;
  bool labels_above;  ///< of their bars; otherwise left of them
  double label_width;
  std::size_t label_letters;
  double bar_height;
  double pitch;
  double value_room;
  int ticks;
};

constexpr double kLetter = 6.8;
constexpr double kBoldLetter = 7.8;
constexpr double kTop = 8;
constexpr double kAxisRoom = 44;

Geometry geometry_of(Layout layout, const BarChart& chart) {
  std::size_t value_letters = 0;
  for (const Bar& bar : chart.bars)
    value_letters = std::max(value_letters, display_width(bar.value));
  const double value_room = 14 + kBoldLetter * static_cast<double>(value_letters);
  if (layout == Layout::kWide) return {1080, false, 240, 32, 26, 38, value_room, 8};
  return {360, true, 2, 48, 22, 50, value_room, 4};
}

double total(const Bar& bar) {
  double sum = 0;
  for (const Segment& segment : bar.segments)
    sum += segment.value;
  return sum;
}

void draw_bar(Svg& svg, const Bar& bar, const Geometry& geometry, const Scale& x, double y) {
  const bool above = geometry.labels_above;
  const std::string label = elide_middle(bar.label, geometry.label_letters);
  if (above) {
    svg.text({x(0) + 5, y + 13}, label, "label");
  } else {
    svg.text({geometry.label_width - 10, y + geometry.bar_height / 2 + 4}, label, "label", Anchor::kEnd);
  }
  const double top = above ? y + 20 : y;
  double sum = 0;
  for (const Segment& segment : bar.segments) {
    const double left = x(sum);
    sum += segment.value;
    const double width = x(sum) - left;
    svg.rectangle({left, top}, width, geometry.bar_height, segment.css_class, segment.tooltip);
    if (!segment.inside.empty() && width > kLetter * static_cast<double>(display_width(segment.inside)) + 8) {
      svg.text({left + width / 2, top + geometry.bar_height / 2 + 4}, segment.inside, "inside", Anchor::kMiddle);
    }
  }
  if (!bar.value.empty()) svg.text({x(sum) + 7, top + geometry.bar_height / 2 + 4}, bar.value, "value");
}

std::string draw(const BarChart& chart, Layout layout) {
  const Geometry geometry = geometry_of(layout, chart);
  double largest = chart.largest;
  for (const Bar& bar : chart.bars)
    largest = std::max(largest, total(bar));
  const std::vector<double> ticks = nice_ticks(0, largest, geometry.ticks);
  const double bottom = kTop + geometry.pitch * static_cast<double>(chart.bars.size());
  Svg svg(geometry.width, bottom + kAxisRoom, chart.id + (layout == Layout::kWide ? "-w" : "-n"), chart.title,
          chart.description);
  const double axis_end = chart.largest > 0 ? chart.largest : ticks.back();
  // the longest bar's value must fit behind it
  const Scale x(0, axis_end, geometry.label_width, geometry.width - std::max(geometry.value_room, 20.0));
  for (const double tick : ticks) {
    svg.line({x(tick), kTop - 4}, {x(tick), bottom}, "grid");
    svg.text({x(tick), bottom + 17}, chart.tick_text(tick), "tick",
             tick == 0 && geometry.labels_above ? Anchor::kStart : Anchor::kMiddle);
  }
  svg.text({(x(0) + x(axis_end)) / 2, bottom + 37}, chart.axis_title, "axis-title", Anchor::kMiddle);
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    draw_bar(svg, chart.bars[i], geometry, x, kTop + geometry.pitch * static_cast<double>(i) + 4);
  }
  svg.line({x(0), kTop - 4}, {x(0), bottom}, "axis");
  return std::move(svg).take();
}

Plot draw_both(const BarChart& chart) {
  if (chart.bars.empty()) return {};
  return {chart.id, draw(chart, Layout::kWide), draw(chart, Layout::kNarrow), chart.legend};
}

std::string phase_class(std::size_t phase) {
  return fmt::format("p{}", phase);
}

std::string duration(double ns) {
  return core::format_duration_ns(static_cast<std::int64_t>(ns));
}

}  // namespace

Plot phases_plot(const Report& report) {
  BarChart chart{
      "phases",
      "Where a step goes",
      "Stacked bars, one a run: the mean share of a step that each phase takes. The table below has the figures.",
      "share of a step",
      [](double share) { return fmt::format("{:.0f} %", share * 100); },
      1.0,
      {},
      {}};
  std::array<bool, kPhaseCount> seen{};
  for (const RunSummary& run : report.runs) {
    if (run.step_mean_ns <= 0) continue;
    Bar bar{run.label, {}, duration(run.step_mean_ns)};
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      const double share = run.share(static_cast<Phase>(phase));
      if (share <= 0) continue;
      seen[phase] = true;
      bar.segments.push_back({share, phase_class(phase),
                              fmt::format("{}: {} {} ({})", run.label, kPhases[phase].title, format_percent(share),
                                          duration(run.phase_ns[phase])),
                              format_percent(share)});
    }
    chart.bars.push_back(std::move(bar));
  }
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    if (seen[phase]) chart.legend.push_back({phase_class(phase), std::string(kPhases[phase].title)});
  }
  return draw_both(chart);
}

Plot throughput_plot(const Report& report) {
  BarChart chart{"throughput",
                 "Throughput",
                 "Bars, one a run: samples per second over all ranks. The table below has the figures.",
                 "samples per second, all ranks together",
                 [](double rate) { return format_trimmed(rate, 4); },
                 0.0,
                 {},
                 {}};
  for (const RunSummary& run : report.runs) {
    if (!run.images_per_second) continue;
    const std::string rate = format_significant(*run.images_per_second, 3);
    chart.bars.push_back(
        {run.label, {{*run.images_per_second, "s0", run.label + ": " + rate + " samples/s", ""}}, rate});
  }
  return draw_both(chart);
}

Plot communication_plot(const Report& report) {
  double largest_ns = 0;
  for (const RunSummary& run : report.runs)
    largest_ns = std::max(largest_ns, communicates(run) ? run.all_comm_ns() : 0);
  const TimeUnit unit = time_unit_for(largest_ns);
  BarChart chart{
      "communication",
      "Hidden and exposed communication",
      "Stacked bars, one a run that communicates: mean communication time per step, exposed and hidden behind "
      "computing. The table below has the figures.",
      fmt::format("communication per step, {}", unit.name),
      [](double value) { return format_trimmed(value); },
      0.0,
      {},
      {{phase_class(static_cast<std::size_t>(Phase::kExposedComm)), "exposed: computing waits"},
       {"hidden", "hidden behind computing"}}};
  for (const RunSummary& run : report.runs) {
    const double exposed_ns = run.phase_ns[static_cast<std::size_t>(Phase::kExposedComm)];
    if (!communicates(run)) continue;
    chart.bars.push_back({run.label,
                          {{exposed_ns / unit.ns, phase_class(static_cast<std::size_t>(Phase::kExposedComm)),
                            fmt::format("{}: exposed {}", run.label, duration(exposed_ns)), ""},
                           {run.hidden_comm_ns() / unit.ns, "hidden",
                            fmt::format("{}: hidden {}", run.label, duration(run.hidden_comm_ns())), ""}},
                          duration(exposed_ns + run.hidden_comm_ns())});
  }
  return draw_both(chart);
}

Plot memory_plot(const Report& report) {
  constexpr double kMiB = 1024.0 * 1024.0;
  BarChart chart{"memory-bars",
                 "What memory is used for",
                 "Stacked bars, one a run: the categories of the highest traced peak of the rank that held most. The "
                 "table below has "
                 "the figures.",
                 "MiB of tensors on one rank",
                 [](double mib) { return format_trimmed(mib, 4); },
                 0.0,
                 {},
                 {}};
  for (const RunSummary& run : report.runs) {
    const RankMemory* memory = fullest(run.memory);
    if (memory == nullptr) continue;
    Bar bar{run.label, {}, ""};
    double sum = 0;
    for (std::size_t i = 0; i < kMemoryCategories.size(); ++i) {
      if (!memory->category_bytes[i]) continue;
      const auto bytes = static_cast<double>(*memory->category_bytes[i]);
      const std::string text = core::format_bytes(static_cast<std::uint64_t>(*memory->category_bytes[i]));
      sum += bytes;
      bar.segments.push_back({bytes / kMiB, fmt::format("s{}", i),
                              fmt::format("{}: {} {}", run.label, kMemoryCategories[i].title, text), ""});
    }
    if (sum <= 0) continue;
    bar.value = core::format_bytes(static_cast<std::uint64_t>(sum));
    chart.bars.push_back(std::move(bar));
  }
  for (std::size_t i = 0; i < kMemoryCategories.size(); ++i)
    chart.legend.push_back({fmt::format("s{}", i), std::string(kMemoryCategories[i].title)});
  return draw_both(chart);
}

Plot memory_step_plot(const RunSummary& run, const std::string& id) {
  constexpr double kMiB = 1024.0 * 1024.0;
  const RankMemory* memory = fullest(run.memory);
  if (memory == nullptr) return {};
  BarChart chart{
      id,
      "Memory over a step",
      "Stacked bars, one a phase of a traced step of the rank that held most: what it held from step to step, "
      "and what the phase had beside it at most. The table below has the figures.",
      "MiB of tensors at most",
      [](double mib) { return format_trimmed(mib, 4); },
      0.0,
      {},
      {}};
  for (std::size_t phase = 0; phase < kMemoryPhases.size(); ++phase) {
    const std::vector<MemoryPart> parts = memory_parts(*memory, phase);
    Bar bar{std::string(kMemoryPhases[phase].title), {}, ""};
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      sum += parts[i].bytes;
      bar.segments.push_back({static_cast<double>(parts[i].bytes) / kMiB, fmt::format("s{}", i),
                              fmt::format("{}: {} {}", bar.label, parts[i].title,
                                          core::format_bytes(static_cast<std::uint64_t>(parts[i].bytes))),
                              ""});
      if (chart.bars.empty()) chart.legend.push_back({fmt::format("s{}", i), std::string(parts[i].title)});
    }
    if (sum <= 0) return {};
    bar.value = core::format_bytes(static_cast<std::uint64_t>(sum));
    chart.bars.push_back(std::move(bar));
  }
  return draw_both(chart);
}

Plot table_plot(const Table& table, const std::string& id) {
  const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                  [&table](const Column& column) { return column.id == table.drawn; });
  if (table.drawn.empty() || found == table.columns.end()) return {};
  const auto drawn = static_cast<std::size_t>(found - table.columns.begin());
  std::vector<std::size_t> telling;  // names and counts that differ between rows; what was measured names nothing
  for (std::size_t i = 0; i < drawn; ++i) {
    const Format format = table.columns[i].format;
    const bool differs = std::any_of(table.rows.begin(), table.rows.end(),
                                     [&](const auto& row) { return row[i] != table.rows.front()[i]; });
    if (differs && (format == Format::kText || format == Format::kCount)) telling.push_back(i);
  }
  if (telling.empty()) telling.push_back(0);
  BarChart chart{id,
                 table.title,
                 fmt::format("Bars, one a row of the table below: {}.", found->title),
                 found->title,
                 [format = found->format](double value) { return display(Cell(value), format); },
                 0.0,
                 {},
                 {}};
  for (const auto& row : table.rows) {
    const auto* real = std::get_if<double>(&row[drawn]);
    const auto* count = std::get_if<std::int64_t>(&row[drawn]);
    const double value = real != nullptr ? *real : count != nullptr ? static_cast<double>(*count) : 0.0;
    if (!(value > 0)) continue;
    std::string label;
    for (const std::size_t i : telling) {
      if (std::holds_alternative<std::monostate>(row[i])) continue;
      const bool number = is_numeric(table.columns[i].format);
      label += (label.empty() ? "" : ", ") + (number ? table.columns[i].title + " " : "") +
               display(row[i], table.columns[i].format);
    }
    const std::string text = display(Cell(value), found->format);
    chart.bars.push_back({label, {{value, "s0", label + ": " + text, ""}}, text});
  }
  return draw_both(chart);
}

}  // namespace trainyard::report
