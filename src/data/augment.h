#pragma once

#include <cstdint>

namespace trainyard::data {

/// What augmentation leaves a data set's labels true.
struct AugmentationRules {
  /// Zero pixels that a random crop adds on each side. A zero is black before normalisation. 4 at 32 pixels is what is
  /// usual for CIFAR (He et al. 2015, section 4.2).
  int crop_padding = 4;
  bool mirrors = true;  ///< an image keeps its label when it is mirrored left to right
};

/// One sample's augmentation: a window of the image's own size, shifted in the padded image, then perhaps mirrored left
/// to right.
struct Augmentation {
  int down = 0;   ///< of the window against the image, in [-crop_padding, crop_padding] pixels
  int right = 0;  ///< likewise
  bool flip = false;

  bool operator==(const Augmentation&) const = default;
};

/// A pure function of its arguments: the same whichever rank or thread prepares the sample.
Augmentation draw_augmentation(const AugmentationRules& rules, std::uint64_t seed, std::int64_t epoch,
                               std::int64_t sample);

/// Writes the augmented image of one channel. `plane` and `out` are [height][width] and do not overlap.
void crop_and_flip(const std::uint8_t* plane, std::int64_t height, std::int64_t width, const Augmentation& augmentation,
                   std::uint8_t* out);

}  // namespace trainyard::data
