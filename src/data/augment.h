#pragma once

#include <cstdint>

namespace trainyard::data {

/// Zero pixels that a random crop adds on each side. A zero is black before normalisation.
constexpr int kCropPadding = 4;

/// One sample's augmentation: a window of the image's own size in the padded image, then perhaps mirrored left to
/// right.
struct Augmentation {
  int top = kCropPadding;   ///< of the window in the padded image, in [0, 2 * kCropPadding]
  int left = kCropPadding;  ///< likewise
  bool flip = false;

  bool operator==(const Augmentation&) const = default;
};

/// A pure function of its arguments: the same whichever rank or thread prepares the sample.
Augmentation draw_augmentation(std::uint64_t seed, std::int64_t epoch, std::int64_t sample);

/// Writes the augmented image of one channel. `plane` and `out` are [height][width] and do not overlap.
void crop_and_flip(const std::uint8_t* plane, std::int64_t height, std::int64_t width, const Augmentation& augmentation,
                   std::uint8_t* out);

}  // namespace trainyard::data
