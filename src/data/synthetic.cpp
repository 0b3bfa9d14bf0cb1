#include "data/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/random.h"

namespace trainyard::data {
namespace {

constexpr std::int64_t kSyntheticClasses = 10;
constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kGrid = 4;       // a pattern interpolates kGrid x kGrid random values
constexpr std::uint64_t kLevels = 128;  // of the pattern and of the noise, so that their sum fits in 8 bits
constexpr std::uint64_t kNoiseBits = 0x7f7f7f7f7f7f7f7f;

/// Bilinear interpolation of `grid` at (y, x) in [0, kGrid - 1].
double interpolate(const std::array<double, kGrid * kGrid>& grid, double y, double x) {
  const auto row = std::min<std::int64_t>(static_cast<std::int64_t>(y), kGrid - 2);
  const auto column = std::min<std::int64_t>(static_cast<std::int64_t>(x), kGrid - 2);
  const double v = y - static_cast<double>(row);
  const double u = x - static_cast<double>(column);
  const double* corner = grid.data() + row * kGrid + column;
  return std::lerp(std::lerp(corner[0], corner[1], u), std::lerp(corner[kGrid], corner[kGrid + 1], u), v);
}

std::vector<std::uint8_t> make_patterns(std::int64_t image_size, std::uint64_t seed) {
  std::vector<std::uint8_t> patterns;
  patterns.reserve(static_cast<std::size_t>(kSyntheticClasses * kChannels * image_size * image_size));
  const double step = image_size > 1 ? static_cast<double>(kGrid - 1) / static_cast<double>(image_size - 1) : 0.0;
  for (std::int64_t plane = 0; plane < kSyntheticClasses * kChannels; ++plane) {
    const std::uint64_t key = random_bits(RandomStream::kSyntheticPattern, seed, plane);
    std::array<double, kGrid * kGrid> grid;
    for (std::size_t i = 0; i < grid.size(); ++i)
      grid[i] = static_cast<double>(scale_to(random_bits_at(key, i), kLevels));
    for (std::int64_t y = 0; y < image_size; ++y) {
      for (std::int64_t x = 0; x < image_size; ++x) {
        const double value = interpolate(grid, static_cast<double>(y) * step, static_cast<double>(x) * step);
        patterns.push_back(static_cast<std::uint8_t>(std::lround(value)));
      }
    }
  }
  return patterns;
}

/// Mean and deviation over all images: the pattern's own, and those of noise that is uniform on 0 ... kLevels - 1.
DatasetInfo info(std::int64_t image_size, const std::vector<std::uint8_t>& patterns) {
  constexpr double kNoiseMean = (kLevels - 1) / 2.0;
  constexpr double kNoiseVariance = (kLevels * kLevels - 1) / 12.0;
  DatasetInfo info{.name = "synthetic",
                   .classes = kSyntheticClasses,
                   .shape = {.channels = kChannels, .height = image_size, .width = image_size},
                   .normalisation = {.pixel_max = 255.0, .mean = {}, .std = {}}};
  const std::int64_t plane = image_size * image_size;
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    double sum = 0;
    double square_sum = 0;
    for (std::int64_t c = 0; c < kSyntheticClasses; ++c) {
      const std::uint8_t* pattern = patterns.data() + (c * kChannels + channel) * plane;
      for (std::int64_t i = 0; i < plane; ++i) {
        sum += pattern[i];
        square_sum += static_cast<double>(pattern[i]) * pattern[i];
      }
    }
    const double mean = sum / static_cast<double>(kSyntheticClasses * plane);
    const double variance = square_sum / static_cast<double>(kSyntheticClasses * plane) - mean * mean;
    info.normalisation.mean.push_back((mean + kNoiseMean) / 255.0);
    info.normalisation.std.push_back(std::sqrt(variance + kNoiseVariance) / 255.0);
  }
  return info;
}

}  // namespace

Synthetic::Synthetic(const SyntheticOptions& options)
    : Synthetic(options, make_patterns(options.image_size, options.seed)) {}

Synthetic::Synthetic(const SyntheticOptions& options, std::vector<std::uint8_t> patterns)
    : ImageDataset(info(options.image_size, patterns)), options_(options), patterns_(std::move(patterns)) {}

std::int64_t Synthetic::label(std::int64_t index) const {
  const std::uint64_t key = random_bits(RandomStream::kSyntheticImage, options_.seed, options_.first + index);
  return static_cast<std::int64_t>(scale_to(key, kSyntheticClasses));
}

std::span<const std::uint8_t> Synthetic::pixels(std::int64_t index, std::span<std::uint8_t> scratch) const {
  const std::uint64_t key = random_bits(RandomStream::kSyntheticImage, options_.seed, options_.first + index);
  const auto count = static_cast<std::size_t>(shape().pixels());
  const std::uint8_t* pattern = patterns_.data() + static_cast<std::size_t>(scale_to(key, kSyntheticClasses)) * count;
  // Eight pixels a draw. A byte's sum is at most 254, so adding them as one word carries nothing over.
  for (std::size_t start = 0; start < count; start += sizeof(std::uint64_t)) {
    const std::size_t bytes = std::min(sizeof(std::uint64_t), count - start);
    std::uint64_t eight = 0;
    std::memcpy(&eight, pattern + start, bytes);
    eight += random_bits_at(key, start) & kNoiseBits;
    std::memcpy(scratch.data() + start, &eight, bytes);
  }
  return scratch.first(count);
}

}  // namespace trainyard::data
