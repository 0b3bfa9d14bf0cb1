#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "report/axis.h"
#include "report/format.h"
#include "report/plots.h"
#include "report/svg.h"

namespace trainyard::report {
namespace {

struct Mark {
  Point at;
  std::string tooltip;
  std::string label;  ///< written beside it; empty: none
};

struct Series {
  std::string name;
  std::size_t colour = 0;  ///< the same for the same run in every plot
  std::vector<Point> line;
  std::vector<Mark> marks;
};

struct LineChart {
  std::string id{};
  std::string title{};
  std::string description{};
  std::string x_title{};
  std::string y_title{};
  std::vector<double> x_ticks{};
  std::vector<double> y_ticks{};
  std::function<std::string(double)> x_text{};
  std::function<std::string(double)> y_text{};
  bool logarithmic = false;
  bool ideal = false;  ///< a line y = x
  bool half = false;   ///< on a wide page it takes half the width
  std::vector<Series> series{};
};

constexpr std::size_t kColours = 8;
constexpr std::size_t kDashes = 3;
constexpr std::size_t kMostMarked = 40;

/// Colour by position, then dashes, so that 24 series stay apart.
std::string series_class(std::size_t index) {
  return fmt::format("s{} d{}", index % kColours, index / kColours % kDashes);
}

void draw_frame(Svg& svg, const LineChart& chart, const Scale& x, const Scale& y, Point low, Point high) {
  for (const double tick : chart.y_ticks) {
    svg.line({low.x, y(tick)}, {high.x, y(tick)}, "grid");
    svg.text({low.x - 8, y(tick) + 4}, chart.y_text(tick), "tick", Anchor::kEnd);
  }
  for (const double tick : chart.x_ticks) {
    svg.line({x(tick), low.y}, {x(tick), low.y + 5}, "axis");
    svg.text({x(tick), low.y + 20}, chart.x_text(tick), "tick", Anchor::kMiddle);
  }
  svg.line(low, {high.x, low.y}, "axis");
  svg.text({(low.x + high.x) / 2, low.y + 40}, chart.x_title, "axis-title", Anchor::kMiddle);
  svg.text({4, 14}, chart.y_title, "axis-title");
}

struct Label {
  Point mark;
  std::string text;
};

/// Writes each label below, above, left or right of its mark, wherever it hides no mark and no other label; one that
/// fits nowhere is left to the tooltip and the table.
void draw_labels(Svg& svg, std::vector<Label> labels, Point picture_end) {
  struct Box {
    double left, top, right, bottom;
  };
  std::stable_sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.mark.y < b.mark.y; });
  std::vector<Box> taken;
  for (const Label& label : labels) {
    taken.push_back({label.mark.x - 5, label.mark.y - 5, label.mark.x + 5, label.mark.y + 5});
  }
  for (const Label& label : labels) {
    if (label.text.empty()) continue;
    const double half = 4.2 * static_cast<double>(display_width(label.text));
    const Point at = label.mark;
    const bool over_another = std::any_of(labels.begin(), labels.end(), [&](const Label& other) {
      return std::abs(other.mark.x - at.x) < 2 * half && other.mark.y > at.y && other.mark.y < at.y + 30;
    });
    const double first = over_another ? -16 : 16;
    for (const Point centre : {Point{at.x, at.y + first}, Point{at.x, at.y - first}, Point{at.x - half - 10, at.y},
                               Point{at.x + half + 10, at.y}}) {
      const Box box{centre.x - half, centre.y - 8, centre.x + half, centre.y + 8};
      const bool outside = box.left < 0 || box.top < 0 || box.right > picture_end.x || box.bottom > picture_end.y;
      const bool hides = std::any_of(taken.begin(), taken.end(), [&](const Box& other) {
        return box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom;
      });
      if (outside || hides) continue;
      svg.text({centre.x, centre.y + 4}, label.text, "value", Anchor::kMiddle);
      taken.push_back(box);
      break;
    }
  }
}

void draw_series(Svg& svg, const Series& series, const std::string& css_class, const Scale& x, const Scale& y,
                 std::vector<Label>& labels) {
  std::vector<Point> points;
  for (const Point& point : series.line)
    points.push_back({x(point.x), y(point.y)});
  if (points.size() > 1) svg.polyline(points, "curve " + css_class);
  for (const Mark& mark : series.marks) {
    const Point at{x(mark.at.x), y(mark.at.y)};
    svg.circle(at, 4, "mark " + css_class, mark.tooltip);
    labels.push_back({at, mark.label});
  }
}

std::string draw(const LineChart& chart, Layout layout) {
  const bool wide = layout == Layout::kWide;
  const double width = !wide ? 360 : chart.half ? 560 : 1080;
  const double height = !wide ? 300 : chart.half ? 340 : 400;
  const Point low{wide ? 64.0 : 46.0, height - 52};
  const Point high{width - 22, 32};
  Svg svg(width, height, chart.id + (wide ? "-w" : "-n"), chart.title, chart.description);
  const double margin = chart.ideal ? 24 : 0;  // room for the labels of the outermost marks
  const Scale x(chart.x_ticks.front(), chart.x_ticks.back(), low.x + margin, high.x - margin, chart.logarithmic);
  const Scale y(chart.y_ticks.front(), chart.y_ticks.back(), low.y, high.y, chart.logarithmic);
  draw_frame(svg, chart, x, y, low, high);
  if (chart.ideal) {
    const double end = std::min(chart.x_ticks.back(), chart.y_ticks.back());
    svg.line({x(1), y(1)}, {x(end), y(end)}, "ideal");
    const double on_the_way = 1 + (end - 1) * 0.72;
    svg.text({x(on_the_way) - 8, y(on_the_way) - 8}, "ideal", "ideal-text", Anchor::kEnd);
  }
  std::vector<Label> labels;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    draw_series(svg, chart.series[i], series_class(chart.series[i].colour), x, y, labels);
  }
  draw_labels(svg, labels, {width, low.y});
  return std::move(svg).take();
}

Plot draw_both(const LineChart& chart) {
  if (chart.series.empty()) return {};
  Plot plot{chart.id, draw(chart, Layout::kWide), draw(chart, Layout::kNarrow), {}};
  for (std::size_t i = 0; i < chart.series.size(); ++i)
    plot.legend.push_back({series_class(chart.series[i].colour), chart.series[i].name});
  return plot;
}

std::string plain(double value) {
  return format_trimmed(value);
}

std::string with_prefix(double value) {
  if (value >= 1e9) return format_trimmed(value / 1e9) + " G";
  if (value >= 1e6) return format_trimmed(value / 1e6) + " M";
  if (value >= 1e4) return format_trimmed(value / 1e3) + " k";
  return format_trimmed(value);
}

std::vector<double> powers_of_two(double high) {
  std::vector<double> ticks;
  for (double tick = 1; ticks.empty() || ticks.back() < high; tick *= 2)
    ticks.push_back(tick);
  return ticks;
}

}  // namespace

Plot speedup_plot(const Report& report) {
  std::map<std::string, std::map<double, std::vector<const Scaling*>>> groups;
  double most_devices = 1;
  double most_speedup = 1;
  for (const Scaling& scaling : report.scaling) {
    const RunSummary& run = report.runs[scaling.run];
    const auto devices = static_cast<double>(run.devices);
    groups[fmt::format("{} · {} · {} · {}, {} scaling", run.attributes.model, run.attributes.data,
                       run.attributes.precision, run.attributes.strategy, name_of(scaling.kind))][devices]
        .push_back(&scaling);
    most_devices = std::max(most_devices, devices);
    most_speedup = std::max(most_speedup, scaling.speedup);
  }
  LineChart chart{
      .id = "speedup",
      .title = "Speedup against devices",
      .description =
          "Lines, one a group of runs that differ in devices alone: speedup over the single-device baseline, with the "
          "ideal as a dashed line. The table below has the figures.",
      .x_title = "devices",
      .y_title = "speedup over one device",
      .x_text = plain,
      .y_text = [](double speedup) { return format_trimmed(speedup) + "x"; },
      .logarithmic = most_devices > 8,
      .ideal = true};
  if (chart.logarithmic) {
    chart.x_ticks = powers_of_two(most_devices);
    chart.y_ticks = powers_of_two(std::max(most_devices, most_speedup));
  } else {
    for (double devices = 1; devices <= most_devices; ++devices)
      chart.x_ticks.push_back(devices);
    chart.y_ticks = nice_ticks(0, std::max(most_devices, most_speedup) * 1.02, 5);
  }
  const double lowest = chart.y_ticks.front();
  const bool few = report.scaling.size() <= 12;
  for (const auto& [name, by_devices] : groups) {
    Series series{name, chart.series.size(), {{1, 1}}, {{{1, 1}, name + ": baseline", ""}}};
    for (const auto& [devices, pairs] : by_devices) {
      double sum = 0;
      for (const Scaling* pair : pairs) {
        const double speedup = std::max(pair->speedup, lowest);
        sum += speedup;
        const std::string text = format_significant(pair->speedup, 3) + "x";
        series.marks.push_back({{devices, speedup},
                                fmt::format("{}: {} on {} devices, efficiency {}", report.runs[pair->run].label, text,
                                            devices, format_percent(pair->efficiency)),
                                few ? text : ""});
      }
      series.line.push_back({devices, sum / static_cast<double>(pairs.size())});
    }
    chart.series.push_back(std::move(series));
  }
  return draw_both(chart);
}

Plot loss_plot(const Report& report) {
  LineChart chart{
      .id = "loss",
      .title = "Training loss",
      .description = "Lines, one a run: training loss over the samples seen. The table below has the last values.",
      .x_title = "training samples seen",
      .y_title = "loss",
      .x_text = with_prefix,
      .y_text = plain,
      .half = true};
  double most_seen = 0;
  std::vector<double> losses;
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    const RunSummary& run = report.runs[i];
    if (run.loss.empty()) continue;
    Series series{run.label, i, {}, {}};
    for (const CurvePoint& point : run.loss) {
      series.line.push_back({point.x, point.value});
      most_seen = std::max(most_seen, point.x);
      losses.push_back(point.value);
    }
    if (run.loss.size() == 1) series.marks.push_back({series.line.front(), run.label, ""});
    chart.series.push_back(std::move(series));
  }
  if (losses.empty()) return {};
  const auto [least, most] = std::minmax_element(losses.begin(), losses.end());
  chart.x_ticks = nice_ticks(0, most_seen, 5);
  chart.y_ticks = nice_ticks(std::min(0.0, *least), *most, 5);
  return draw_both(chart);
}

Plot accuracy_plot(const Report& report) {
  LineChart chart{
      .id = "accuracy",
      .title = "Validation accuracy",
      .description =
          "Lines, one a run: validation accuracy after each epoch. The table below has the best and last values.",
      .x_title = "epochs done",
      .y_title = "validation accuracy",
      .x_text = plain,
      .y_text = [](double share) { return format_trimmed(share * 100) + " %"; },
      .half = true};
  double most_epochs = 1;
  double least = 1;
  double most = 0;
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    const RunSummary& run = report.runs[i];
    if (run.val_accuracy.empty()) continue;
    Series series{run.label, i, {}, {}};
    for (const CurvePoint& point : run.val_accuracy) {
      series.line.push_back({point.x, point.value});
      most_epochs = std::max(most_epochs, point.x);
      least = std::min(least, point.value);
      most = std::max(most, point.value);
      if (run.val_accuracy.size() > kMostMarked) continue;
      series.marks.push_back({series.line.back(),
                              fmt::format("{}: {} after epoch {}", run.label, format_percent(point.value), point.x),
                              ""});
    }
    chart.series.push_back(std::move(series));
  }
  chart.x_ticks = nice_ticks(0, most_epochs, 6);
  std::erase_if(chart.x_ticks, [](double tick) { return tick != std::floor(tick); });
  if (chart.x_ticks.back() < most_epochs) chart.x_ticks.push_back(most_epochs);
  chart.y_ticks = nice_ticks(least, std::max(most, least + 0.01), 5);
  return draw_both(chart);
}

}  // namespace trainyard::report
