#pragma once

#include <string>
#include <vector>

namespace trainyard::report {

/// Round values (1, 2, 2.5 or 5 times a power of ten) that cover [low, high] in about `wanted` steps; the first is at
/// most `low`, the last at least `high`. One step of 1 where the range is empty.
std::vector<double> nice_ticks(double low, double high, int wanted);

/// Maps data to picture coordinates, linearly or by logarithm.
class Scale {
 public:
  Scale(double data_low, double data_high, double picture_low, double picture_high, bool logarithmic = false);
  double operator()(double value) const;

 private:
  double transform(double value) const;
  bool logarithmic_;
  double low_;
  double per_unit_;
  double picture_low_;
};

/// A unit of time that gives values of this size few digits.
struct TimeUnit {
  double ns = 1;
  const char* name = "ns";
};
TimeUnit time_unit_for(double largest_ns);

}  // namespace trainyard::report
