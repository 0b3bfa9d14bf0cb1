#include "training/batch_search.h"

#include <algorithm>

namespace trainyard::training {
namespace {

/// Trials that follow the line; each that is right leaves one neighbour to try.
constexpr int kGuesses = 3;

double slope(const Fit& low, const Fit& high) {
  if (high.batch_size == low.batch_size) {
    return static_cast<double>(high.peak_bytes) / static_cast<double>(high.batch_size);
  }
  return static_cast<double>(high.peak_bytes - low.peak_bytes) / static_cast<double>(high.batch_size - low.batch_size);
}

}  // namespace

std::optional<Fit> largest_batch(std::int64_t smallest, std::int64_t largest, std::int64_t memory_bytes,
                                 const Trial& trial) {
  std::optional<Fit> first;
  Fit best;
  std::int64_t too_large = largest + 1;
  const auto attempt = [&](std::int64_t batch_size) {
    const std::optional<std::int64_t> peak = trial(batch_size);
    if (!peak) {
      too_large = batch_size;
      return;
    }
    best = {.batch_size = batch_size, .peak_bytes = *peak};
    if (!first) first = best;
  };

  attempt(smallest);
  if (!first) return std::nullopt;
  while (too_large > largest && best.batch_size < largest)
    attempt(std::min(2 * best.batch_size, largest));
  for (int trials = 0; too_large - best.batch_size > 1; ++trials) {
    std::int64_t next = best.batch_size + (too_large - best.batch_size) / 2;
    const double growth = slope(*first, best);
    if (trials < kGuesses && growth > 0) {
      const auto room = static_cast<double>(memory_bytes - best.peak_bytes);
      next = best.batch_size + static_cast<std::int64_t>(std::max(0.0, room / growth));
    }
    attempt(std::clamp(next, best.batch_size + 1, too_large - 1));
  }
  best.bytes_per_sample = slope(*first, best);
  return best;
}

}  // namespace trainyard::training
