#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

/// Turns planar 8-bit pixels into normalised floats: (pixel / pixel_max - mean) / std, as pixel * scale + bias with
/// both worked out in double, so within a few units in the last place of torchvision's ToTensor and Normalize.
class Normaliser {
 public:
  /// @throws core::Error when mean and std do not have one value a channel, or a std is not positive.
  Normaliser(const ImageShape& shape, const Normalisation& normalisation);

  /// pixels [channels][height][width] to out [channels][height][width].
  void to_planar(const std::uint8_t* pixels, float* out) const;
  /// pixels [channels][height][width] to out [height][width][channels].
  void to_interleaved(const std::uint8_t* pixels, float* out) const;

 private:
  std::int64_t plane_ = 0;  ///< pixels of one channel
  std::vector<float> scale_;
  std::vector<float> bias_;
};

}  // namespace trainyard::data
