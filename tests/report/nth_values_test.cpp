#include "report/nth_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace trainyard::report {
namespace {

void expect_as_sorted(NthValues& finder, const std::vector<float>& values, std::size_t n) {
  std::vector<float> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const Neighbours found = finder.find(values, n);
  EXPECT_EQ(found.low, sorted[n]);
  EXPECT_EQ(found.high, sorted[n + 1]);
}

TEST(NthValues, FindsThemInListsLikeTheLastOneAndInOthers) {
  std::mt19937 random(1);
  NthValues finder;
  for (int list = 0; list < 300; ++list) {
    const float center = list % 50 == 49 ? 7e8F : 1e8F;  // now and then all are slow
    std::normal_distribution<float> noise(center, list % 7 == 0 ? 1e3F : 1e6F);
    std::vector<float> values(200);
    for (float& value : values)
      value = noise(random);
    expect_as_sorted(finder, values, 99);
  }
}

TEST(NthValues, FindsThemAmongEqualAndFewValues) {
  NthValues finder;
  for (int round = 0; round < 3; ++round) {
    expect_as_sorted(finder, {5, 5, 5, 5, 5, 5}, 2);
    expect_as_sorted(finder, {5, 5, 6, 5, 5, 4}, 2);
    expect_as_sorted(finder, {2, 1}, 0);
    expect_as_sorted(finder, {0, 0}, 0);
    expect_as_sorted(finder, {3, 1, 2}, 1);
  }
}

TEST(NthValues, FindsThemAtBothEnds) {
  NthValues finder;
  std::vector<float> values(100);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(i * 37 % 100);
  for (const std::size_t n : {0U, 0U, 98U, 98U, 50U, 1U, 97U})
    expect_as_sorted(finder, values, n);
}

}  // namespace
}  // namespace trainyard::report
