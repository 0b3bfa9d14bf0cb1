#include "data/augment.h"

#include <algorithm>
#include <cstring>

#include "data/random.h"

namespace trainyard::data {

Augmentation draw_augmentation(const AugmentationRules& rules, std::uint64_t seed, std::int64_t epoch,
                               std::int64_t sample) {
  const auto places = static_cast<std::uint64_t>(2 * rules.crop_padding + 1);
  const std::uint64_t key = random_bits(RandomStream::kAugmentation, seed, epoch, sample);
  const auto shift = [&](std::uint64_t draw) {
    return static_cast<int>(scale_to(random_bits_at(key, draw), places)) - rules.crop_padding;
  };
  return {.down = shift(0), .right = shift(1), .flip = rules.mirrors && (random_bits_at(key, 2) >> 63) != 0};
}

void crop_and_flip(const std::uint8_t* plane, std::int64_t height, std::int64_t width, const Augmentation& augmentation,
                   std::uint8_t* out) {
  const std::int64_t down = augmentation.down;
  const std::int64_t right = augmentation.right;
  // Columns of the unflipped window that lie in the image; an image narrower than the shift may have none.
  const std::int64_t begin = std::clamp<std::int64_t>(-right, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(width - right, begin, width);
  for (std::int64_t y = 0; y < height; ++y, out += width) {
    const std::int64_t source_y = y + down;
    if (source_y < 0 || source_y >= height || begin == end) {
      std::memset(out, 0, static_cast<std::size_t>(width));
      continue;
    }
    const std::uint8_t* row = plane + source_y * width + right;
    if (augmentation.flip) {
      std::memset(out, 0, static_cast<std::size_t>(width - end));
      std::reverse_copy(row + begin, row + end, out + (width - end));
      std::memset(out + (width - begin), 0, static_cast<std::size_t>(begin));
    } else {
      std::memset(out, 0, static_cast<std::size_t>(begin));
      std::memcpy(out + begin, row + begin, static_cast<std::size_t>(end - begin));
      std::memset(out + end, 0, static_cast<std::size_t>(width - end));
    }
  }
}

}  // namespace trainyard::data
