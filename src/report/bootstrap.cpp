#include "report/bootstrap.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "report/statistics.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kResamples = 10'000;
constexpr std::uint32_t kSeed = 20261121;

/// The 97.5 % quantile of Student's t. Above 30 degrees of freedom the series of Cornish and Fisher is good to 1e-4.
double student_quantile(std::size_t degrees) {
  constexpr std::array kTable{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
                              2.201,  2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
                              2.080,  2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042};
  if (degrees <= kTable.size()) return kTable[degrees - 1];
  constexpr double kNormal = 1.959964;
  return kNormal + (kNormal * kNormal * kNormal + kNormal) / (4 * static_cast<double>(degrees));
}

/// Which quantile of the resampled means to take for 2.5 %: further out, since a resample of few values varies less
/// than a sample of them does.
double tail_share(std::size_t repeats) {
  const auto n = static_cast<double>(repeats);
  const double reach = std::sqrt(n / (n - 1)) * student_quantile(repeats - 1);
  return 0.5 * std::erfc(reach / std::sqrt(2.0));
}

/// mt19937 gives the same numbers everywhere; std::uniform_int_distribution does not.
double resampled_mean(std::span<const double> values, std::mt19937& random) {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i)
    sum += values[(static_cast<std::uint64_t>(random()) * values.size()) >> 32];
  return sum / static_cast<double>(values.size());
}

template <class Resample>
Interval interval_of(std::size_t repeats, Resample resample) {
  std::mt19937 random(kSeed);
  std::vector<double> means(kResamples);
  for (double& mean : means)
    mean = resample(random);
  const double tail = tail_share(repeats);
  return {*quantile(means, tail), *quantile(means, 1 - tail)};
}

}  // namespace

Interval mean_interval(std::span<const double> values) {
  if (values.size() < 2) return {values.front(), values.front()};
  return interval_of(values.size(), [values](std::mt19937& random) { return resampled_mean(values, random); });
}

Interval ratio_interval(std::span<const double> a, std::span<const double> b) {
  const std::size_t fewest = std::max<std::size_t>(2, std::min(a.size(), b.size()));
  return interval_of(fewest,
                     [a, b](std::mt19937& random) { return resampled_mean(a, random) / resampled_mean(b, random); });
}

}  // namespace trainyard::report
