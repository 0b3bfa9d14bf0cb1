#include "data/synthetic.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace trainyard::data {
namespace {

std::vector<std::uint8_t> image(const Synthetic& data, std::int64_t index) {
  std::vector<std::uint8_t> scratch(static_cast<std::size_t>(data.shape().pixels()));
  const auto pixels = data.pixels(index, scratch);
  return {pixels.begin(), pixels.end()};
}

TEST(Synthetic, IsAPureFunctionOfSeedAndIndex) {
  const SyntheticOptions options{.image_size = 17, .samples = 100, .seed = 4};
  const Synthetic data(options);
  const Synthetic again(options);
  EXPECT_EQ(image(data, 42), image(again, 42));
  EXPECT_EQ(data.label(42), again.label(42));
  EXPECT_NE(image(data, 42), image(data, 43));
  EXPECT_NE(image(data, 42), image(Synthetic({.image_size = 17, .samples = 100, .seed = 5}), 42));
  // A later part of the same sequence.
  const Synthetic later({.image_size = 17, .first = 40, .samples = 60, .seed = 4});
  EXPECT_EQ(image(data, 42), image(later, 2));
  EXPECT_EQ(data.label(42), later.label(2));
}

TEST(Synthetic, StatesItsMeanAndDeviation) {
  const Synthetic data({.image_size = 32, .samples = 2000, .seed = 9});
  EXPECT_EQ(data.shape(), (ImageShape{.channels = 3, .height = 32, .width = 32}));
  std::array<double, 3> sum{}, square_sum{};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto pixels = image(data, i);
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      sum[p / 1024] += pixels[p] / 255.0;
      square_sum[p / 1024] += pixels[p] / 255.0 * pixels[p] / 255.0;
    }
  }
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = sum[c] / (2000.0 * 1024);
    EXPECT_NEAR(data.normalisation().mean[c], mean, 0.005);
    EXPECT_NEAR(data.normalisation().std[c], std::sqrt(square_sum[c] / (2000.0 * 1024) - mean * mean), 0.005);
  }
}

// What training data gives away about the classes must hold for validation data: the nearest class mean says the label.
TEST(Synthetic, HasClassesThatCanBeLearned) {
  const Synthetic train({.image_size = 8, .first = 0, .samples = 1000, .seed = 2});
  const Synthetic validation({.image_size = 8, .first = 1000, .samples = 200, .seed = 2});
  const auto size = static_cast<std::size_t>(train.shape().pixels());
  std::vector<std::vector<double>> means(10, std::vector<double>(size));
  std::vector<int> counts(10);
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const auto label = static_cast<std::size_t>(train.label(i));
    const auto pixels = image(train, i);
    ++counts[label];
    for (std::size_t p = 0; p < size; ++p)
      means[label][p] += pixels[p];
  }
  for (std::size_t c = 0; c < 10; ++c) {
    EXPECT_GT(counts[c], 60) << "class " << c;
    for (double& mean : means[c])
      mean /= counts[c];
  }
  int right = 0;
  for (std::int64_t i = 0; i < validation.size(); ++i) {
    const auto pixels = image(validation, i);
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < 10; ++c) {
      double distance = 0;
      for (std::size_t p = 0; p < size; ++p)
        distance += (pixels[p] - means[c][p]) * (pixels[p] - means[c][p]);
      if (distance < least) {
        least = distance;
        nearest = c;
      }
    }
    right += static_cast<std::int64_t>(nearest) == validation.label(i);
  }
  EXPECT_GT(right, 190);
}

}  // namespace
}  // namespace trainyard::data
