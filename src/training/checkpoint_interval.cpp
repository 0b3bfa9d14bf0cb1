#include "training/checkpoint_interval.h"

#include <algorithm>
#include <cmath>

namespace trainyard::training {
namespace {

constexpr double kSecond = 1e9;
constexpr double kBetweenFailures = 24 * 3600 * kSecond;
constexpr double kShortest = 60 * kSecond;

}  // namespace

std::int64_t checkpoint_interval_ns(std::int64_t save_ns) {
  const double save = std::max(0.0, static_cast<double>(save_ns));
  return std::llround(std::max(kShortest, std::sqrt(2 * save * kBetweenFailures)));
}

}  // namespace trainyard::training
