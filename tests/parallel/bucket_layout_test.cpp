#include "parallel/bucket_layout.h"

#include <gtest/gtest.h>

#include <set>

namespace trainyard::parallel {
namespace {

constexpr std::int64_t kMb = 1024 * 1024;

std::vector<ParameterShape> floats(std::vector<std::int64_t> elements) {
  std::vector<ParameterShape> shapes;
  for (const std::int64_t count : elements)
    shapes.push_back({c10::kFloat, count});
  return shapes;
}

TEST(BucketLayoutTest, GoesThroughTheModelBackwards) {
  const auto buckets = bucket_layout(floats({10, 20, 30}), 25);
  ASSERT_EQ(buckets.size(), 1u);
  ASSERT_EQ(buckets[0].slots.size(), 3u);
  EXPECT_EQ(buckets[0].slots[0].parameter, 2u);
  EXPECT_EQ(buckets[0].slots[2].parameter, 0u);
}

TEST(BucketLayoutTest, TheFirstBucketIsSmallAndTheOthersKeepToTheLimit) {
  const std::vector<std::int64_t> quarter_mb(40, kMb / 16);  // 40 parameters of 0.25 MiB
  const auto buckets = bucket_layout(floats(quarter_mb), 2);
  ASSERT_EQ(buckets.size(), 6u);
  EXPECT_EQ(buckets[0].slots.size(), 4u);
  for (std::size_t i = 1; i < 5; ++i)
    EXPECT_EQ(buckets[i].slots.size(), 8u);
  EXPECT_EQ(buckets[5].slots.size(), 4u);
}

TEST(BucketLayoutTest, AParameterLargerThanTheLimitHasABucketOfItsOwn) {
  const auto buckets = bucket_layout(floats({8, 3 * kMb, 8}), 1);
  ASSERT_EQ(buckets.size(), 3u);
  EXPECT_EQ(buckets[1].slots.size(), 1u);
  EXPECT_EQ(buckets[1].slots[0].elements, 3 * kMb);
}

TEST(BucketLayoutTest, SlotsAreAlignedApartAndHoldEveryParameterOnce) {
  const auto shapes = floats({1, 17, 5, 64, 100'003, 2});
  std::set<std::size_t> seen;
  for (const Bucket& bucket : bucket_layout(shapes, 0.1)) {
    std::int64_t end = 0;
    for (const Slot& slot : bucket.slots) {
      EXPECT_EQ(slot.offset % kSlotAlignment, 0);
      EXPECT_GE(slot.offset, end);
      end = slot.offset + slot.elements;
      EXPECT_EQ(slot.elements, shapes[slot.parameter].elements);
      EXPECT_TRUE(seen.insert(slot.parameter).second);
    }
    EXPECT_GE(bucket.elements, end);
  }
  EXPECT_EQ(seen.size(), shapes.size());
}

TEST(BucketLayoutTest, TypesDoNotMix) {
  const std::vector<ParameterShape> shapes{{c10::kHalf, 8}, {c10::kFloat, 8}, {c10::kHalf, 8}, {c10::kFloat, 8}};
  const auto buckets = bucket_layout(shapes, 25);
  ASSERT_EQ(buckets.size(), 2u);
  for (const Bucket& bucket : buckets) {
    EXPECT_EQ(bucket.slots.size(), 2u);
    for (const Slot& slot : bucket.slots)
      EXPECT_EQ(shapes[slot.parameter].dtype, bucket.dtype);
  }
}

}  // namespace
}  // namespace trainyard::parallel
