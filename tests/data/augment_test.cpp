#include "data/augment.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <set>
#include <vector>

#include "data/random.h"

namespace trainyard::data {
namespace {

constexpr int kPadding = 4;
constexpr AugmentationRules kRules{.crop_padding = kPadding, .mirrors = true};

/// What the definition says, pixel by pixel: pad, cut the window, mirror.
std::vector<std::uint8_t> reference(const std::vector<std::uint8_t>& plane, std::int64_t height, std::int64_t width,
                                    const Augmentation& augmentation) {
  const std::int64_t padded_width = width + 2 * kPadding;
  std::vector<std::uint8_t> padded(static_cast<std::size_t>((height + 2 * kPadding) * padded_width));
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      padded[static_cast<std::size_t>((y + kPadding) * padded_width + x + kPadding)] =
          plane[static_cast<std::size_t>(y * width + x)];
    }
  }
  std::vector<std::uint8_t> out;
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::int64_t from = augmentation.flip ? width - 1 - x : x;
      out.push_back(padded[static_cast<std::size_t>((y + kPadding + augmentation.down) * padded_width + from +
                                                    kPadding + augmentation.right)]);
    }
  }
  return out;
}

TEST(CropAndFlip, DoesWhatTheDefinitionSaysInEveryPlace) {
  // 3 is narrower than the padding: some windows see no pixel of the image.
  for (const auto& [height, width] :
       {std::pair{8, 8}, std::pair{32, 32}, std::pair{7, 11}, std::pair{3, 3}, std::pair{1, 1}}) {
    std::vector<std::uint8_t> plane(static_cast<std::size_t>(height * width));
    for (std::size_t i = 0; i < plane.size(); ++i)
      plane[i] = static_cast<std::uint8_t>(1 + random_bits_at(5, i) % 255);
    for (int down = -kPadding; down <= kPadding; ++down) {
      for (int right = -kPadding; right <= kPadding; ++right) {
        for (const bool flip : {false, true}) {
          const Augmentation augmentation{.down = down, .right = right, .flip = flip};
          std::vector<std::uint8_t> out(plane.size(), 77);
          crop_and_flip(plane.data(), height, width, augmentation, out.data());
          ASSERT_EQ(out, reference(plane, height, width, augmentation))
              << height << " x " << width << " down " << down << " right " << right << " flip " << flip;
        }
      }
    }
  }
}

TEST(CropAndFlip, LeavesTheImageAloneByDefault) {
  const std::vector<std::uint8_t> plane{1, 2, 3, 4, 5, 6};
  std::vector<std::uint8_t> out(6);
  crop_and_flip(plane.data(), 2, 3, Augmentation{}, out.data());
  EXPECT_EQ(out, plane);
}

TEST(DrawAugmentation, IsAPureFunctionOfSeedEpochAndSample) {
  EXPECT_EQ(draw_augmentation(kRules, 1, 2, 3), draw_augmentation(kRules, 1, 2, 3));
  int changes_with_seed = 0, changes_with_epoch = 0, changes_with_sample = 0;
  for (std::int64_t sample = 0; sample < 100; ++sample) {
    const Augmentation base = draw_augmentation(kRules, 1, 2, sample);
    changes_with_seed += base != draw_augmentation(kRules, 2, 2, sample);
    changes_with_epoch += base != draw_augmentation(kRules, 1, 3, sample);
    changes_with_sample += base != draw_augmentation(kRules, 1, 2, sample + 1);
  }
  // Two of the 162 draws are alike now and then.
  EXPECT_GT(changes_with_seed, 90);
  EXPECT_GT(changes_with_epoch, 90);
  EXPECT_GT(changes_with_sample, 90);
}

TEST(DrawAugmentation, IsUniformOverThe162Draws) {
  constexpr int kDraws = 162000;
  std::array<int, 162> times{};
  for (std::int64_t sample = 0; sample < kDraws; ++sample) {
    const auto [down, right, flip] = draw_augmentation(kRules, 11, 0, sample);
    ASSERT_TRUE(down >= -4 && down <= 4 && right >= -4 && right <= 4);
    ++times[static_cast<std::size_t>(((down + 4) * 9 + right + 4) * 2 + (flip ? 1 : 0))];
  }
  double chi_square = 0;
  for (const int count : times)
    chi_square += (count - 1000.0) * (count - 1000.0) / 1000.0;
  // 161 degrees of freedom: 223 is passed once in a thousand times.
  EXPECT_LT(chi_square, 223);
}

TEST(DrawAugmentation, KeepsToTheDataSetsRules) {
  for (std::int64_t sample = 0; sample < 1000; ++sample) {
    const Augmentation augmentation = draw_augmentation({.crop_padding = 1, .mirrors = false}, 3, 0, sample);
    ASSERT_TRUE(std::abs(augmentation.down) <= 1 && std::abs(augmentation.right) <= 1);
    ASSERT_FALSE(augmentation.flip);
  }
}

}  // namespace
}  // namespace trainyard::data
