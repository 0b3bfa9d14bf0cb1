#include "training/checkpoint_interval.h"

#include <gtest/gtest.h>

namespace trainyard::training {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(CheckpointInterval, IsNeverUnderAMinute) {
  EXPECT_EQ(checkpoint_interval_ns(0), 60 * kSecond);
  EXPECT_EQ(checkpoint_interval_ns(kSecond / 1000), 60 * kSecond);
}

TEST(CheckpointInterval, GrowsWithTheRootOfWhatASaveTakes) {
  EXPECT_NEAR(static_cast<double>(checkpoint_interval_ns(1 * kSecond)) / kSecond, 415.7, 0.1);
  EXPECT_NEAR(static_cast<double>(checkpoint_interval_ns(100 * kSecond)) / kSecond, 4156.9, 0.1);
}

}  // namespace
}  // namespace trainyard::training
