#include "data/length_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "data/sampler.h"

namespace trainyard::data {
namespace {

std::vector<std::int32_t> some_lengths(std::size_t count) {
  std::vector<std::int32_t> lengths;
  for (std::size_t i = 0; i < count; ++i)
    lengths.push_back(static_cast<std::int32_t>(3 + (i * 7919) % 61));
  return lengths;
}

/// Tokens of all batches once they are filled up to their longest.
std::int64_t padded(std::span<const std::int64_t> order, std::span<const std::int32_t> lengths, std::size_t batch) {
  std::int64_t sum = 0;
  for (std::size_t first = 0; first < order.size(); first += batch) {
    std::int32_t longest = 0;
    const std::size_t count = std::min(batch, order.size() - first);
    for (const std::int64_t sample : order.subspan(first, count))
      longest = std::max(longest, lengths[static_cast<std::size_t>(sample)]);
    sum += static_cast<std::int64_t>(count) * longest;
  }
  return sum;
}

TEST(LengthGroups, FillLittleUp) {
  const auto lengths = some_lengths(5000);
  const std::int64_t tokens = std::accumulate(lengths.begin(), lengths.end(), std::int64_t{0});
  auto order = shuffled_order(5000, 3, 1);
  EXPECT_GT(padded(order, lengths, 16), tokens * 17 / 10);
  group_by_length(order, lengths, 16, 99);
  EXPECT_LT(padded(order, lengths, 16), tokens * 21 / 20);
}

TEST(LengthGroups, KeepEachSampleOnce) {
  const auto lengths = some_lengths(333);
  auto order = shuffled_order(333, 3, 1);
  const std::vector<std::int64_t> tail(order.end() - 13, order.end());
  group_by_length(order, lengths, 32, 99);
  EXPECT_TRUE(std::equal(tail.begin(), tail.end(), order.end() - 13));
  std::ranges::sort(order);
  for (std::size_t i = 0; i < order.size(); ++i)
    ASSERT_EQ(order[i], static_cast<std::int64_t>(i));
}

TEST(LengthGroups, ShuffleTheBatches) {
  const auto lengths = some_lengths(640);
  auto order = shuffled_order(640, 3, 1);
  auto other = order;
  group_by_length(order, lengths, 10, 99);
  group_by_length(other, lengths, 10, 98);
  EXPECT_NE(order, other);
  std::vector<std::int32_t> firsts;
  for (std::size_t i = 0; i < order.size(); i += 10)
    firsts.push_back(lengths[static_cast<std::size_t>(order[i])]);
  EXPECT_FALSE(std::ranges::is_sorted(firsts));
}

// What one rank sees of an order of similar lengths is a slice of what all see.
TEST(LengthGroups, AreTheSamplersWhateverTheRanks) {
  const auto lengths = std::make_shared<const std::vector<std::int32_t>>(some_lengths(500));
  const auto order = [&](int rank, int ranks, std::int64_t batch) {
    return Sampler::training(
               {.samples = 500, .batch_size = batch, .rank = rank, .ranks = ranks, .seed = 4, .lengths = lengths})
        .order(2);
  };
  EXPECT_EQ(order(0, 1, 24), order(2, 3, 8));
  EXPECT_EQ(order(0, 1, 24), order(1, 2, 12));
  EXPECT_NE(order(0, 1, 24), Sampler::training({.samples = 500, .batch_size = 24, .seed = 4}).order(2));
  const auto validation = Sampler::validation({.samples = 500, .batch_size = 24, .lengths = lengths}).order(0);
  EXPECT_TRUE(std::ranges::is_sorted(validation));
}

}  // namespace
}  // namespace trainyard::data
