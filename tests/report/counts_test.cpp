#include "report/counts.h"

#include <gtest/gtest.h>

namespace trainyard::report {
namespace {

using Numbers = std::vector<std::int64_t>;

TEST(Counts, GivesBackWhatItWasMadeOf) {
  const std::int64_t large = std::int64_t{1} << 40;
  for (const Numbers& values :
       {Numbers{}, Numbers{7}, Numbers{5, 5, 5}, Numbers{3, 4, 5, 6}, Numbers{3, 4, 5, 7}, Numbers{5, 5, 6},
        Numbers{0, 4294967295}, Numbers{0, 4294967296}, Numbers{large, large + 1}, Numbers{large, 1, 0}}) {
    const Counts counts(values);
    EXPECT_EQ(counts.values(), values);
    EXPECT_EQ(counts.size(), values.size());
    double sum = 0;
    for (std::size_t i = 1; i < values.size(); ++i)
      sum += static_cast<double>(values[i]);
    if (!values.empty()) {
      EXPECT_DOUBLE_EQ(counts.sum(1, values.size()), sum);
      EXPECT_EQ(counts.front(), values.front());
      EXPECT_EQ(counts.back(), values.back());
    }
  }
}

TEST(Counts, TakesNumbersOfFourBytes) {
  using Small = std::vector<std::uint32_t>;
  for (const Small& values : {Small{}, Small{7}, Small{5, 5, 5}, Small{3, 4, 5}, Small{3, 4, 9}, Small{4294967295, 0}})
    EXPECT_EQ(Counts(values).values(), Numbers(values.begin(), values.end()));
}

TEST(Counts, KnowsThatItCountsUp) {
  EXPECT_TRUE(Counts({8, 9, 10}).counts_up());
  EXPECT_TRUE(Counts({8}).counts_up());
  EXPECT_FALSE(Counts({8, 9, 11}).counts_up());
  EXPECT_FALSE(Counts({8, 8}).counts_up());
}

TEST(Counts, ComparesByValueWhateverItIsHeldAs) {
  EXPECT_EQ(Counts({4, 5, 6}), Counts::linear(3, 4, 1));
  EXPECT_EQ(Counts({4}), Counts::linear(1, 4, 1));
  EXPECT_FALSE(Counts({4, 5, 6}) == Counts({4, 5, 7}));
  EXPECT_FALSE(Counts({4, 5}) == Counts({4, 5, 6}));
  EXPECT_FALSE(Counts({4, 4}) == Counts({4, 5}));
}

}  // namespace
}  // namespace trainyard::report
