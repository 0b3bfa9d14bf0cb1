#include "report/svg.h"

#include <fmt/format.h>

#include <iterator>

#include "report/format.h"

namespace trainyard::report {
namespace {

const char* anchor_name(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      break;
  }
  return "end";
}

}  // namespace

Svg::Svg(double width, double height, std::string_view id, std::string_view title, std::string_view description) {
  fmt::format_to(std::back_inserter(markup_),
                 "<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-labelledby=\"{}-t {}-d\">"
                 "<title id=\"{}-t\">{}</title><desc id=\"{}-d\">{}</desc>\n",
                 width, height, id, id, id, escape_html(title), id, escape_html(description));
}

void Svg::close_with_tooltip(std::string_view element, std::string_view tooltip) {
  if (tooltip.empty()) {
    markup_ += "/>\n";
  } else {
    fmt::format_to(std::back_inserter(markup_), "><title>{}</title></{}>\n", escape_html(tooltip), element);
  }
}

void Svg::line(Point from, Point to, std::string_view css_class) {
  fmt::format_to(std::back_inserter(markup_),
                 "<line class=\"{}\" x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"/>\n", css_class, from.x,
                 from.y, to.x, to.y);
}

void Svg::polyline(std::span<const Point> points, std::string_view css_class) {
  fmt::format_to(std::back_inserter(markup_), "<polyline class=\"{}\" points=\"", css_class);
  for (const Point& point : points) {
    fmt::format_to(std::back_inserter(markup_), "{:.1f},{:.1f} ", point.x, point.y);
  }
  markup_ += "\"/>\n";
}

void Svg::rectangle(Point corner, double width, double height, std::string_view css_class, std::string_view tooltip) {
  if (width < 0.1 || height < 0.1) return;
  fmt::format_to(std::back_inserter(markup_),
                 "<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"", css_class, corner.x,
                 corner.y, width, height);
  close_with_tooltip("rect", tooltip);
}

void Svg::circle(Point centre, double radius, std::string_view css_class, std::string_view tooltip) {
  fmt::format_to(std::back_inserter(markup_), "<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"",
                 css_class, centre.x, centre.y, radius);
  close_with_tooltip("circle", tooltip);
}

void Svg::text(Point baseline, std::string_view text, std::string_view css_class, Anchor anchor) {
  fmt::format_to(std::back_inserter(markup_),
                 "<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n", css_class, baseline.x,
                 baseline.y, anchor_name(anchor), escape_html(text));
}

std::string Svg::take() && {
  return std::move(markup_) + "</svg>";
}

}  // namespace trainyard::report
