#include "report/bootstrap.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace trainyard::report {
namespace {

std::vector<double> normal_values(std::mt19937& random, std::size_t count, double mean, double deviation) {
  std::normal_distribution<double> distribution(mean, deviation);
  std::vector<double> values(count);
  for (double& value : values)
    value = distribution(random);
  return values;
}

TEST(MeanInterval, HoldsTheMeanAboutAsOftenAsItSays) {
  std::mt19937 random(3);
  for (const std::size_t repeats : {3U, 5U, 10U}) {
    int held = 0;
    constexpr int kTrials = 200;
    for (int trial = 0; trial < kTrials; ++trial) {
      const Interval interval = mean_interval(normal_values(random, repeats, 100, 5));
      held += interval.low <= 100 && 100 <= interval.high ? 1 : 0;
    }
    EXPECT_GE(held, kTrials * (repeats == 3 ? 70 : 87) / 100) << repeats;  // of three the range holds it in 75 %
    EXPECT_LE(held, kTrials * 99 / 100 + 1) << repeats;
  }
}

TEST(MeanInterval, IsTheSameEachTimeAndTheValueItselfForOne) {
  const std::vector<double> values{1, 2, 4, 8};
  EXPECT_EQ(mean_interval(values).low, mean_interval(values).low);
  EXPECT_EQ(mean_interval(std::vector<double>{7}).low, 7);
  EXPECT_EQ(mean_interval(std::vector<double>{7}).high, 7);
  EXPECT_LT(mean_interval(values).low, 3.75);
  EXPECT_GT(mean_interval(values).high, 3.75);
}

TEST(RatioInterval, SeesADifferenceAndNotNoise) {
  std::mt19937 random(4);
  int called_different = 0;
  for (int trial = 0; trial < 40; ++trial) {
    const Interval same = ratio_interval(normal_values(random, 5, 100, 5), normal_values(random, 5, 100, 5));
    called_different += same.low > 1 || same.high < 1 ? 1 : 0;
    const Interval faster = ratio_interval(normal_values(random, 5, 150, 5), normal_values(random, 5, 100, 5));
    EXPECT_GT(faster.low, 1.2);
    EXPECT_LT(faster.high, 1.8);
  }
  EXPECT_LE(called_different, 4);
}

}  // namespace
}  // namespace trainyard::report
