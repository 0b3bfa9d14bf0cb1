#include "report/statistics.h"

#include <gtest/gtest.h>

#include <vector>

namespace trainyard::report {
namespace {

TEST(Quantile, InterpolatesBetweenOrderStatistics) {
  const std::vector<double> values{40, 10, 30, 20};  // by hand: position 1.5 of 10 20 30 40
  EXPECT_DOUBLE_EQ(*quantile(values, 0.5), 25);
  EXPECT_DOUBLE_EQ(*quantile(values, 0.0), 10);
  EXPECT_DOUBLE_EQ(*quantile(values, 1.0), 40);
  EXPECT_DOUBLE_EQ(*quantile(values, 0.95), 38.5);  // position 2.85
}

TEST(Quantile, OfOneAndOfNone) {
  EXPECT_DOUBLE_EQ(*quantile(std::vector<double>{7}, 0.95), 7);
  EXPECT_FALSE(quantile({}, 0.5).has_value());
}

TEST(Warmup, IsTenStepsButAtMostAFifthAndNeverTheOnlyOne) {
  EXPECT_EQ(warmup_steps(0), 0U);
  EXPECT_EQ(warmup_steps(1), 0U);
  EXPECT_EQ(warmup_steps(2), 1U);
  EXPECT_EQ(warmup_steps(3), 1U);
  EXPECT_EQ(warmup_steps(5), 1U);
  EXPECT_EQ(warmup_steps(6), 2U);
  EXPECT_EQ(warmup_steps(50), 10U);
  EXPECT_EQ(warmup_steps(10'000), 10U);
}

}  // namespace
}  // namespace trainyard::report
