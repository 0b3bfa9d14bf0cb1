#include "data/resize.h"

#include <algorithm>
#include <cmath>

#include "data/vector_clones.h"

namespace trainyard::data {
namespace {

constexpr int kWeightBits = 22;
constexpr std::int32_t kHalf = 1 << (kWeightBits - 1);

/// Weights are never negative and sum to one but for their rounding, which may lead one past 255.
inline std::uint8_t to_pixel(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::min(sum >> kWeightBits, 255));
}

TRAINYARD_VECTOR_CLONES void one_row(const std::uint8_t* __restrict row, std::int32_t weight, std::int64_t width,
                                     std::uint8_t* __restrict out) {
  for (std::int64_t x = 0; x < width; ++x)
    out[x] = to_pixel(kHalf + row[x] * weight);
}

TRAINYARD_VECTOR_CLONES void two_rows(const std::uint8_t* __restrict upper, const std::uint8_t* __restrict lower,
                                      std::int32_t upper_weight, std::int32_t lower_weight, std::int64_t width,
                                      std::uint8_t* __restrict out) {
  for (std::int64_t x = 0; x < width; ++x)
    out[x] = to_pixel(kHalf + upper[x] * upper_weight + lower[x] * lower_weight);
}

void many_rows(const std::uint8_t* rows, const std::int32_t* weights, std::int64_t count, std::int64_t width,
               std::uint8_t* out) {
  for (std::int64_t x = 0; x < width; ++x) {
    std::int32_t sum = kHalf;
    for (std::int64_t k = 0; k < count; ++k)
      sum += rows[k * width + x] * weights[k];
    out[x] = to_pixel(sum);
  }
}

}  // namespace

Resizer::Resizer(std::int64_t from, std::int64_t to) : from_(from), to_(to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(1.0, scale);
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const auto weight = [&](std::int64_t j) {
      return std::max(0.0, 1.0 - std::abs(static_cast<double>(j) + 0.5 - centre) / support);
    };
    Window window{.weights = static_cast<std::int64_t>(weights_.size())};
    double sum = 0;
    std::vector<double> exact;
    for (std::int64_t j = 0; j < from; ++j) {
      if (weight(j) == 0.0) continue;
      if (exact.empty()) window.first = j;
      exact.push_back(weight(j));
      sum += weight(j);
    }
    window.count = static_cast<std::int64_t>(exact.size());
    for (const double value : exact)
      weights_.push_back(static_cast<std::int32_t>(std::lround(value / sum * (1 << kWeightBits))));
    windows_.push_back(window);
  }
}

void Resizer::resize(const std::uint8_t* plane, std::vector<std::uint8_t>& rows, std::uint8_t* out) const {
  rows.resize(static_cast<std::size_t>(from_ * to_));
  for (std::int64_t y = 0; y < from_; ++y) {
    const std::uint8_t* row = plane + y * from_;
    std::uint8_t* resized = rows.data() + y * to_;
    for (std::size_t x = 0; x < windows_.size(); ++x) {
      const Window& window = windows_[x];
      const std::int32_t* weights = weights_.data() + window.weights;
      std::int32_t sum = kHalf;
      for (std::int64_t k = 0; k < window.count; ++k)
        sum += row[window.first + k] * weights[k];
      resized[x] = to_pixel(sum);
    }
  }
  for (const Window& window : windows_) {
    const std::uint8_t* first = rows.data() + window.first * to_;
    const std::int32_t* weights = weights_.data() + window.weights;
    if (window.count == 1) {
      one_row(first, weights[0], to_, out);
    } else if (window.count == 2) {
      two_rows(first, first + to_, weights[0], weights[1], to_, out);
    } else {
      many_rows(first, weights, window.count, to_, out);
    }
    out += to_;
  }
}

}  // namespace trainyard::data
