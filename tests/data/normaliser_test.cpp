#include "data/normaliser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace trainyard::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Normalisation kColour{.pixel_max = 255.0, .mean = {0.4914, 0.4822, 0.4465}, .std = {0.2470, 0.2435, 0.2616}};

/// torchvision's ToTensor and Normalize, step by step in float32.
float reference(std::uint8_t pixel, double pixel_max, double mean, double std) {
  const float unit = static_cast<float>(pixel) / static_cast<float>(pixel_max);
  return (unit - static_cast<float>(mean)) / static_cast<float>(std);
}

Normalisation for_channels(std::size_t channels) {
  Normalisation normalisation{.pixel_max = 200.0, .mean = {}, .std = {}};
  for (std::size_t c = 0; c < channels; ++c) {
    normalisation.mean.push_back(0.1 + 0.1 * static_cast<double>(c));
    normalisation.std.push_back(0.2 + 0.05 * static_cast<double>(c));
  }
  return normalisation;
}

TEST(Normaliser, AgreesWithTorchvisionForEveryPixelValue) {
  const ImageShape shape{.channels = 3, .height = 16, .width = 16};
  std::vector<std::uint8_t> pixels(768);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i % 256);
  std::vector<float> out(768);
  Normaliser(shape, kColour).to_planar(pixels.data(), out.data());
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_NEAR(out[i], reference(pixels[i], 255.0, kColour.mean[i / 256], kColour.std[i / 256]), 1e-6) << i;
  }
}

// Sizes around the widths of vector registers, where a loop's last part is easily wrong.
TEST(Normaliser, InterleavesTheSameValues) {
  for (const std::int64_t channels : {1, 2, 3, 4}) {
    for (const std::int64_t width : {1, 3, 8, 15, 16, 17, 31, 64, 65}) {
      const ImageShape shape{.channels = channels, .height = 3, .width = width};
      const auto count = static_cast<std::size_t>(shape.pixels());
      std::vector<std::uint8_t> pixels(count);
      for (std::size_t i = 0; i < count; ++i)
        pixels[i] = static_cast<std::uint8_t>(i * 37 + 11);
      const Normalisation normalisation = for_channels(static_cast<std::size_t>(channels));
      const Normaliser normaliser(shape, normalisation);
      constexpr float kGuard = 12345.0f;
      std::vector<float> planar(count + 1, kGuard), interleaved(count + 1, kGuard);
      normaliser.to_planar(pixels.data(), planar.data());
      normaliser.to_interleaved(pixels.data(), interleaved.data());
      EXPECT_EQ(planar[count], kGuard);
      EXPECT_EQ(interleaved[count], kGuard);
      const std::size_t plane = count / static_cast<std::size_t>(channels);
      for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
        for (std::size_t i = 0; i < plane; ++i) {
          ASSERT_EQ(planar[c * plane + i], interleaved[i * static_cast<std::size_t>(channels) + c]);
          ASSERT_NEAR(planar[c * plane + i],
                      reference(pixels[c * plane + i], 200.0, normalisation.mean[c], normalisation.std[c]), 2e-6);
        }
      }
    }
  }
}

TEST(Normaliser, RefusesWhatItCannotDivideBy) {
  const ImageShape shape{.channels = 1, .height = 2, .width = 2};
  EXPECT_THAT([&] { Normaliser(shape, kColour); },
              ThrowsMessage<core::Error>(HasSubstr("3 means and 3 deviations for 1 channels")));
  EXPECT_THROW(Normaliser(shape, {.pixel_max = 1, .mean = {0}, .std = {0}}), core::Error);
  EXPECT_THROW(Normaliser(shape, {.pixel_max = 1, .mean = {0}, .std = {std::nan("")}}), core::Error);
}

}  // namespace
}  // namespace trainyard::data
