#include "data/augment.h"

#include <algorithm>
#include <cstring>

#include "data/random.h"
#include "data/vector_clones.h"

namespace trainyard::data {
namespace {

/// Rows of the image that a crop goes over, and what of each it fills.
struct Rows {
  std::int64_t count = 0;
  std::int64_t width = 0;   ///< of a row, in source and target
  std::int64_t first = 0;   ///< of a target row's pixels that come from the source; zeros stand around them
  std::int64_t pixels = 0;  ///< number of these
};

TRAINYARD_VECTOR_CLONES void copy_rows(const std::uint8_t* __restrict source, Rows rows, std::uint8_t* __restrict out) {
  for (std::int64_t y = 0; y < rows.count; ++y, source += rows.width, out += rows.width) {
    for (std::int64_t x = 0; x < rows.first; ++x)
      out[x] = 0;
    for (std::int64_t x = 0; x < rows.pixels; ++x)
      out[rows.first + x] = source[x];
    for (std::int64_t x = rows.first + rows.pixels; x < rows.width; ++x)
      out[x] = 0;
  }
}

constexpr std::int64_t kBlock = 16;
using Block = std::uint8_t __attribute__((vector_size(kBlock)));

inline void mirror_block(const std::uint8_t* source, std::uint8_t* out) {
  Block block;
  std::memcpy(&block, source, kBlock);
  block = __builtin_shuffle(block, Block{15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
  std::memcpy(out, &block, kBlock);
}

TRAINYARD_VECTOR_CLONES void mirror_rows(const std::uint8_t* __restrict source, Rows rows,
                                         std::uint8_t* __restrict out) {
  for (std::int64_t y = 0; y < rows.count; ++y, source += rows.width, out += rows.width) {
    for (std::int64_t x = 0; x < rows.first; ++x)
      out[x] = 0;
    std::uint8_t* mirrored = out + rows.first;
    if (rows.pixels < kBlock) {
      for (std::int64_t x = 0; x < rows.pixels; ++x)
        mirrored[rows.pixels - 1 - x] = source[x];
    } else {
      for (std::int64_t x = 0; x + kBlock <= rows.pixels; x += kBlock)
        mirror_block(source + x, mirrored + rows.pixels - kBlock - x);
      mirror_block(source + rows.pixels - kBlock, mirrored);  // what is left, and some again
    }
    for (std::int64_t x = rows.first + rows.pixels; x < rows.width; ++x)
      out[x] = 0;
  }
}

}  // namespace

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
  // Columns and rows of the unflipped window that lie in the image; an image smaller than the shift may have none.
  const std::int64_t begin = std::clamp<std::int64_t>(-right, 0, width);
  const std::int64_t end = std::clamp<std::int64_t>(width - right, begin, width);
  const std::int64_t top = std::clamp<std::int64_t>(-down, 0, height);
  const std::int64_t bottom = std::clamp<std::int64_t>(height - down, top, height);
  std::memset(out, 0, static_cast<std::size_t>(top * width));
  std::memset(out + bottom * width, 0, static_cast<std::size_t>((height - bottom) * width));
  const std::uint8_t* source = plane + (top + down) * width + begin + right;
  std::uint8_t* target = out + top * width;
  const Rows rows{
      .count = bottom - top, .width = width, .first = augmentation.flip ? width - end : begin, .pixels = end - begin};
  if (augmentation.flip) {
    mirror_rows(source, rows, target);
  } else {
    copy_rows(source, rows, target);
  }
}

}  // namespace trainyard::data
