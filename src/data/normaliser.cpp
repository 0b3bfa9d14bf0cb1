#include "data/normaliser.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/vector_clones.h"

namespace trainyard::data {
namespace {

TRAINYARD_VECTOR_CLONES void convert_plane(const std::uint8_t* __restrict pixels, std::int64_t count, float scale,
                                           float bias, float* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(pixels[i]) * scale + bias;
  }
}

TRAINYARD_VECTOR_CLONES void interleave_three(const std::uint8_t* __restrict pixels, std::int64_t count,
                                              const float* scale, const float* bias, float* __restrict out) {
  const float scale_0 = scale[0], scale_1 = scale[1], scale_2 = scale[2];
  const float bias_0 = bias[0], bias_1 = bias[1], bias_2 = bias[2];
  for (std::int64_t i = 0; i < count; ++i) {
    out[3 * i] = static_cast<float>(pixels[i]) * scale_0 + bias_0;
    out[3 * i + 1] = static_cast<float>(pixels[i + count]) * scale_1 + bias_1;
    out[3 * i + 2] = static_cast<float>(pixels[i + 2 * count]) * scale_2 + bias_2;
  }
}

}  // namespace

Normaliser::Normaliser(const ImageShape& shape, const Normalisation& normalisation)
    : plane_(shape.height * shape.width) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  if (normalisation.mean.size() != channels || normalisation.std.size() != channels) {
    throw core::Error(fmt::format("normalisation has {} means and {} deviations for {} channels",
                                  normalisation.mean.size(), normalisation.std.size(), channels));
  }
  for (std::size_t c = 0; c < channels; ++c) {
    if (!(normalisation.std[c] > 0) || !(normalisation.pixel_max > 0)) {
      throw core::Error(fmt::format("normalisation of channel {} divides by {} x {}", c, normalisation.pixel_max,
                                    normalisation.std[c]));
    }
    scale_.push_back(static_cast<float>(1.0 / (normalisation.pixel_max * normalisation.std[c])));
    bias_.push_back(static_cast<float>(-normalisation.mean[c] / normalisation.std[c]));
  }
}

void Normaliser::to_planar(const std::uint8_t* pixels, float* out) const {
  for (std::size_t c = 0; c < scale_.size(); ++c) {
    convert_plane(pixels, plane_, scale_[c], bias_[c], out);
    pixels += plane_;
    out += plane_;
  }
}

void Normaliser::to_interleaved(const std::uint8_t* pixels, float* out) const {
  if (scale_.size() == 1) return to_planar(pixels, out);
  if (scale_.size() == 3) return interleave_three(pixels, plane_, scale_.data(), bias_.data(), out);
  const std::size_t channels = scale_.size();
  for (std::size_t c = 0; c < channels; ++c, pixels += plane_) {
    for (std::int64_t i = 0; i < plane_; ++i) {
      out[static_cast<std::size_t>(i) * channels + c] = static_cast<float>(pixels[i]) * scale_[c] + bias_[c];
    }
  }
}

}  // namespace trainyard::data
