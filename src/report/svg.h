#pragma once

#include <span>
#include <string>
#include <string_view>

namespace trainyard::report {

struct Point {
  double x = 0;
  double y = 0;
};

enum class Anchor { kStart, kMiddle, kEnd };

/// One inline SVG picture. Looks come from the page's style sheet by class, so that it follows light and dark; every
/// text is cleaned and escaped here. Coordinates are written with one decimal; values that are not finite are not
/// allowed.
class Svg {
 public:
  /// `id` must be unique in the page; `title` and `description` are what a screen reader says.
  Svg(double width, double height, std::string_view id, std::string_view title, std::string_view description);

  void line(Point from, Point to, std::string_view css_class);
  void polyline(std::span<const Point> points, std::string_view css_class);
  /// `tooltip` is shown on hovering; empty: none. Rectangles thinner than a tenth are not drawn.
  void rectangle(Point corner, double width, double height, std::string_view css_class, std::string_view tooltip = {});
  void circle(Point centre, double radius, std::string_view css_class, std::string_view tooltip = {});
  void text(Point baseline, std::string_view text, std::string_view css_class, Anchor anchor = Anchor::kStart);

  std::string take() &&;

 private:
  void close_with_tooltip(std::string_view element, std::string_view tooltip);
  std::string markup_;
};

}  // namespace trainyard::report
