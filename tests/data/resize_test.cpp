#include "data/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "data/resized.h"
#include "data/synthetic.h"

namespace trainyard::data {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// One line of m pixels as n, by the definition in resize.h, in double; each weight is rounded to its 22 bits.
std::vector<double> resized_line(const std::vector<double>& line, std::int64_t n) {
  const auto m = static_cast<double>(line.size());
  const double support = std::max(1.0, m / static_cast<double>(n));
  std::vector<double> out;
  for (std::int64_t i = 0; i < n; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * m / static_cast<double>(n);
    std::vector<double> weights;
    for (std::size_t j = 0; j < line.size(); ++j)
      weights.push_back(std::max(0.0, 1.0 - std::abs(static_cast<double>(j) + 0.5 - centre) / support));
    const double all = std::accumulate(weights.begin(), weights.end(), 0.0);
    double value = 0;
    for (std::size_t j = 0; j < line.size(); ++j)
      value += std::round(weights[j] / all * 0x1p22) / 0x1p22 * line[j];
    out.push_back(std::min(std::floor(value + 0.5), 255.0));
  }
  return out;
}

/// First along the rows, then along the columns.
Bytes reference(const Bytes& plane, std::int64_t from, std::int64_t to) {
  std::vector<std::vector<double>> columns(static_cast<std::size_t>(to));
  for (std::int64_t y = 0; y < from; ++y) {
    const auto row = resized_line({plane.begin() + y * from, plane.begin() + (y + 1) * from}, to);
    for (std::size_t x = 0; x < row.size(); ++x)
      columns[x].push_back(row[x]);
  }
  Bytes out(static_cast<std::size_t>(to * to));
  for (std::size_t x = 0; x < columns.size(); ++x) {
    const auto column = resized_line(columns[x], to);
    for (std::size_t y = 0; y < column.size(); ++y)
      out[y * static_cast<std::size_t>(to) + x] = static_cast<std::uint8_t>(column[y]);
  }
  return out;
}

Bytes noise(std::int64_t side) {
  std::mt19937 random(static_cast<unsigned>(side));
  Bytes plane(static_cast<std::size_t>(side * side));
  std::generate(plane.begin(), plane.end(), [&] { return static_cast<std::uint8_t>(random()); });
  return plane;
}

TEST(Resizer, FollowsItsFormulaForLargerAndSmallerImages) {
  for (const auto& [from, to] :
       {std::pair{64, 224}, {64, 96}, {64, 65}, {8, 32}, {64, 32}, {64, 63}, {64, 24}, {1, 8}}) {
    const Bytes plane = noise(from);
    Bytes out(static_cast<std::size_t>(to * to)), rows;
    Resizer(from, to).resize(plane.data(), rows, out.data());
    EXPECT_EQ(out, reference(plane, from, to)) << from << " to " << to;
  }
}

TEST(Resizer, LeavesAnImageOfTheWantedSizeAndAUniformOneAlone) {
  const Bytes plane = noise(64);
  Bytes out(64 * 64), rows;
  Resizer(64, 64).resize(plane.data(), rows, out.data());
  EXPECT_EQ(out, plane);
  for (const int level : {0, 1, 254, 255}) {
    const Bytes uniform(64 * 64, static_cast<std::uint8_t>(level));
    for (const int to : {24, 224}) {
      Bytes resized(static_cast<std::size_t>(to * to));
      Resizer(64, to).resize(uniform.data(), rows, resized.data());
      EXPECT_EQ(resized, Bytes(resized.size(), static_cast<std::uint8_t>(level)));
    }
  }
}

TEST(Resized, ResizesEveryChannelAndKeepsTheRest) {
  const auto original = std::make_shared<Synthetic>(SyntheticOptions{.image_size = 16, .samples = 5, .seed = 1});
  const Resized data(original, 28);
  EXPECT_EQ(data.shape(), (ImageShape{.channels = 3, .height = 28, .width = 28}));
  EXPECT_EQ(data.size(), 5);
  EXPECT_EQ(data.label(3), original->label(3));
  EXPECT_EQ(data.augmentation().crop_padding, 7);  // 4 of 16
  Bytes room(3 * 16 * 16), scratch(3 * 28 * 28);
  const auto pixels = data.pixels(3, scratch);
  ASSERT_EQ(pixels.size(), 3u * 28 * 28);
  original->pixels(3, room);
  for (std::size_t c = 0; c < 3; ++c) {
    Bytes wanted(28 * 28), rows;
    Resizer(16, 28).resize(room.data() + c * 256, rows, wanted.data());
    EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), pixels.begin() + static_cast<std::ptrdiff_t>(c * 784))) << c;
  }
}

}  // namespace
}  // namespace trainyard::data
