#pragma once

#include <cstddef>
#include <span>

namespace trainyard::report {

struct Interval {
  double low = 0;
  double high = 0;
};

/// Fewest repeats of each side from which a difference is called one.
inline constexpr std::size_t kFewestRepeats = 3;

inline constexpr const char* kBootstrapRule =
    "Repeats: runs whose configuration differs at most in its seed. Intervals hold the mean with 95 % confidence: "
    "bootstrap over the repeats, 10,000 resamples from a fixed seed, with quantiles widened for few repeats "
    "(Hesterberg 2015, doi 10.1080/00031305.2015.1089789). Two configurations differ significantly where the "
    "interval of the ratio of their means leaves out 1; with fewer than 3 repeats on a side nothing is said.";

/// 95 % confidence interval of the mean. The value itself for a single one; `values` must not be empty.
Interval mean_interval(std::span<const double> values);

/// 95 % confidence interval of mean(a) / mean(b); neither empty, all values positive.
Interval ratio_interval(std::span<const double> a, std::span<const double> b);

}  // namespace trainyard::report
