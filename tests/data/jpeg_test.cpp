#include "data/jpeg.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "core/error.h"
#include "data/jpeg_bytes.h"
#include "support/fuzz.h"

namespace trainyard::data {
namespace {

using namespace trainyard::testing;

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr ImageShape kShape{.channels = 3, .height = 40, .width = 56};

Bytes decoded(const Bytes& file) {
  JpegDecoder decoder;
  Bytes planes(static_cast<std::size_t>(kShape.pixels()));
  decoder.decode(file, kShape, planes);
  return planes;
}

void expect_near(const Bytes& found, const Bytes& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    ASSERT_NEAR(found[i], wanted[i], 3) << i;
}

TEST(Jpeg, DecodesIntoPlanes) {
  const Bytes image = smooth_image(3, 40, 56);
  expect_near(decoded(jpeg_file(image, 3, 40, 56)), image);
}

TEST(Jpeg, GivesAGreyFileThreeEqualPlanes) {
  const Bytes grey = smooth_image(1, 40, 56);
  Bytes three = grey;
  three.insert(three.end(), grey.begin(), grey.end());
  three.insert(three.end(), grey.begin(), grey.end());
  const Bytes planes = decoded(jpeg_file(grey, 1, 40, 56));
  expect_near(planes, three);
  EXPECT_TRUE(std::equal(planes.begin(), planes.begin() + 40 * 56, planes.begin() + 40 * 56));
}

TEST(Jpeg, RefusesAnotherSizeWithoutAllocatingIt) {
  const auto decode = [](const Bytes& file) { return [file] { decoded(file); }; };
  EXPECT_THAT(decode(jpeg_file(smooth_image(3, 40, 40), 3, 40, 40)),
              ThrowsMessage<core::Error>(HasSubstr("is 40 x 40 pixels, not 56 x 40")));
  Bytes huge = jpeg_file(smooth_image(3, 40, 56), 3, 40, 56);
  constexpr std::array<std::uint8_t, 2> kFrame{0xff, 0xc0};
  const auto frame = std::search(huge.begin(), huge.end(), kFrame.begin(), kFrame.end());
  ASSERT_NE(frame, huge.end());
  std::fill_n(frame + 5, 4, std::uint8_t{0xfd});
  EXPECT_THAT(decode(huge), ThrowsMessage<core::Error>(HasSubstr("is 65021 x 65021 pixels, not 56 x 40")));
}

TEST(Jpeg, RefusesAFileCutAtAnyPlaceAndGoesOn) {
  const Bytes whole = jpeg_file(smooth_image(3, 40, 56), 3, 40, 56);
  JpegDecoder decoder;
  Bytes planes(static_cast<std::size_t>(kShape.pixels()));
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {  // the last two bytes only mark the end
    EXPECT_THROW(decoder.decode(std::span(whole).first(size), kShape, planes), core::Error) << size;
  }
  decoder.decode(whole, kShape, planes);
  EXPECT_EQ(planes, decoded(whole));
}

TEST(Jpeg, SurvivesAnyDamage) {
  const Bytes whole = jpeg_file(smooth_image(3, 40, 56), 3, 40, 56);
  JpegDecoder decoder;
  Bytes planes(static_cast<std::size_t>(kShape.pixels()));
  std::mt19937 random(5);
  std::int64_t refused = 0;
  const std::int64_t runs = fuzz_runs();
  for (std::int64_t round = 0; round < runs; ++round) {
    Bytes damaged = whole;
    for (int change = 0; change < 1 + round % 5; ++change)
      damaged[random() % (round % 2 == 0 ? 700 : damaged.size())] = static_cast<std::uint8_t>(random());
    try {
      decoder.decode(damaged, kShape, planes);
    } catch (const core::Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, runs / 4);
}

}  // namespace
}  // namespace trainyard::data
