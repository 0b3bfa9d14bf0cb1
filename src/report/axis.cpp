#include "report/axis.h"

#include <algorithm>
#include <cmath>

namespace trainyard::report {

std::vector<double> nice_ticks(double low, double high, int wanted) {
  if (!(high > low)) high = low + 1;
  const double rough = (high - low) / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) {
      step = factor * power;
      break;
    }
  }
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  std::vector<double> ticks;
  for (double i = first; i <= last && ticks.size() < 100; ++i)
    ticks.push_back(i * step);
  return ticks;
}

Scale::Scale(double data_low, double data_high, double picture_low, double picture_high, bool logarithmic)
    : logarithmic_(logarithmic), low_(transform(data_low)), per_unit_(0), picture_low_(picture_low) {
  const double span = transform(data_high) - low_;
  if (span > 0) per_unit_ = (picture_high - picture_low) / span;
}

double Scale::operator()(double value) const {
  return picture_low_ + (transform(value) - low_) * per_unit_;
}

double Scale::transform(double value) const {
  return logarithmic_ ? std::log2(std::max(value, 1e-12)) : value;
}

TimeUnit time_unit_for(double largest_ns) {
  if (largest_ns >= 1e9) return {1e9, "s"};
  if (largest_ns >= 1e6) return {1e6, "ms"};
  if (largest_ns >= 1e3) return {1e3, "us"};
  return {1, "ns"};
}

}  // namespace trainyard::report
