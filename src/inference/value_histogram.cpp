#include "inference/value_histogram.h"

#include <ATen/ops/aminmax.h>
#include <ATen/ops/histc.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/error.h"

namespace trainyard::inference {
namespace {

constexpr std::size_t kBins = 8192;
constexpr double kFirstLimit = 1.0 / 1024;  // a power of two: bins of a wider histogram end where narrower ones did
/// Ends that are tried on a side: the largest value seen, and fractions of it down to 1 / kEnds.
constexpr int kEnds = 128;

/// Sums over a stretch of bins, from which the squared distance to any point follows.
struct Moments {
  double count = 0.0;
  double sum = 0.0;
  double squares = 0.0;

  double squared_distance_to(double point) const { return squares - 2.0 * point * sum + point * point * count; }
};

}  // namespace

ValueHistogram::ValueHistogram() : limit_(kFirstLimit), counts_(kBins, 0.0) {}

void ValueHistogram::widen_to(double magnitude) {
  while (limit_ < magnitude) {
    std::vector<double> wider(kBins, 0.0);
    for (std::size_t bin = 0; bin < kBins; ++bin)
      wider[kBins / 4 + bin / 2] += counts_[bin];
    counts_ = std::move(wider);
    limit_ *= 2;
  }
}

void ValueHistogram::add(const at::Tensor& values) {
  if (values.numel() == 0) return;
  const auto [minimum, maximum] = at::aminmax(values);
  const double low = minimum.item<double>();
  const double high = maximum.item<double>();
  if (!std::isfinite(low) || !std::isfinite(high)) {
    throw core::Error("calibration: an activation is not finite; the weights are not those of a working model");
  }
  lowest_ = std::min(lowest_, low);
  highest_ = std::max(highest_, high);
  widen_to(std::max(-low, high));
  const at::Tensor counts = at::histc(values, static_cast<std::int64_t>(kBins), -limit_, limit_);
  const float* count = counts.const_data_ptr<float>();
  for (std::size_t bin = 0; bin < kBins; ++bin)
    counts_[bin] += count[bin];
}

ValueRange ValueHistogram::best_range(int levels) const {
  const double width = 2.0 * limit_ / static_cast<double>(kBins);
  std::vector<Moments> before(kBins + 1);  // of the bins before each
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    const double centre = -limit_ + (static_cast<double>(bin) + 0.5) * width;
    before[bin + 1] = {before[bin].count + counts_[bin], before[bin].sum + counts_[bin] * centre,
                       before[bin].squares + counts_[bin] * centre * centre};
  }
  const Moments& all = before[kBins];
  const auto bin_of = [&](double value) {
    return static_cast<std::size_t>(std::clamp((value + limit_) / width, 0.0, static_cast<double>(kBins)));
  };
  ValueRange best;
  double least = INFINITY;
  for (int low_end = lowest_ < 0 ? kEnds : 0; low_end >= 0; --low_end) {
    for (int high_end = highest_ > 0 ? kEnds : 0; high_end >= 0; --high_end) {
      const ValueRange range{lowest_ * low_end / kEnds, highest_ * high_end / kEnds};
      if (range.low == range.high) continue;
      const Moments& below = before[bin_of(range.low)];
      const Moments& up_to = before[bin_of(range.high)];
      const Moments above{all.count - up_to.count, all.sum - up_to.sum, all.squares - up_to.squares};
      const double step = (range.high - range.low) / levels;
      const double error = (up_to.count - below.count) * step * step / 12.0 + below.squared_distance_to(range.low) +
                           above.squared_distance_to(range.high);
      if (error < least) {
        least = error;
        best = range;
      }
    }
  }
  return best;
}

}  // namespace trainyard::inference
