#include "report/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace trainyard::report {

std::optional<double> quantile(std::span<const double> values, double q) {
  if (values.empty()) return std::nullopt;
  const double position = q * static_cast<double>(values.size() - 1);
  const auto lower = static_cast<std::size_t>(std::floor(position));
  const double fraction = position - static_cast<double>(lower);
  std::vector<double> sorted(values.begin(), values.end());
  const auto at_lower = sorted.begin() + static_cast<std::ptrdiff_t>(lower);
  std::nth_element(sorted.begin(), at_lower, sorted.end());
  if (fraction == 0.0) return *at_lower;
  const double upper = *std::min_element(at_lower + 1, sorted.end());
  return *at_lower + fraction * (upper - *at_lower);
}

std::size_t warmup_steps(std::size_t steps) {
  if (steps < 2) return 0;
  return std::min<std::size_t>(10, (steps + 4) / 5);
}

}  // namespace trainyard::report
