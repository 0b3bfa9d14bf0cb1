#include "report/axis.h"

#include <gtest/gtest.h>

#include <cmath>

namespace trainyard::report {
namespace {

TEST(NiceTicks, AreRoundAndCover) {
  EXPECT_EQ(nice_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  EXPECT_EQ(nice_ticks(0, 1, 4), (std::vector<double>{0, 0.25, 0.5, 0.75, 1}));
  const auto ticks = nice_ticks(0.81, 0.988, 5);
  EXPECT_LE(ticks.front(), 0.81);
  EXPECT_GE(ticks.back(), 0.988);
}

TEST(NiceTicks, OfAnEmptyRangeStillMakeAnAxis) {
  const auto ticks = nice_ticks(3, 3, 5);
  EXPECT_GE(ticks.size(), 2U);
  EXPECT_GT(ticks.back(), ticks.front());
}

TEST(NiceTicks, OfHugeAndTinyRangesAreFew) {
  for (const double high : {1e-300, 1e-9, 1e15, 1e300}) {
    const auto ticks = nice_ticks(0, high, 6);
    EXPECT_LE(ticks.size(), 12U) << high;
    EXPECT_GE(ticks.back(), high * 0.999) << high;
  }
}

TEST(Scale, MapsEndsToEnds) {
  const Scale linear(0, 10, 100, 0);
  EXPECT_DOUBLE_EQ(linear(0), 100);
  EXPECT_DOUBLE_EQ(linear(10), 0);
  EXPECT_DOUBLE_EQ(linear(2.5), 75);
  const Scale logarithmic(1, 16, 0, 40, true);
  EXPECT_DOUBLE_EQ(logarithmic(4), 20);
  const Scale flat(1, 1, 0, 40);
  EXPECT_TRUE(std::isfinite(flat(1)));
}

}  // namespace
}  // namespace trainyard::report
