#include "data/planes.h"

#include <gtest/gtest.h>

#include <vector>

namespace trainyard::data {
namespace {

TEST(Planes, AreTakenApartAndPutTogetherAtAnyLength) {
  for (const std::int64_t count : {0, 1, 2, 15, 16, 31, 33, 64, 127, 200}) {
    std::vector<std::uint8_t> planes(static_cast<std::size_t>(3 * count));
    for (std::int64_t c = 0; c < 3; ++c) {
      for (std::int64_t i = 0; i < count; ++i)
        planes[static_cast<std::size_t>(c * count + i)] = static_cast<std::uint8_t>(80 * c + i);
    }
    std::vector<std::uint8_t> pixels(planes.size());
    interleave(planes.data(), 3, count, pixels.data());
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t c = 0; c < 3; ++c)
        EXPECT_EQ(pixels[static_cast<std::size_t>(3 * i + c)], static_cast<std::uint8_t>(80 * c + i));
    }
    std::vector<std::uint8_t> again(planes.size());
    deinterleave_three(pixels.data(), count, again.data());
    EXPECT_EQ(again, planes) << count;
  }
}

}  // namespace
}  // namespace trainyard::data
