#include "data/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace trainyard::data {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::vector<std::int64_t> numbers(std::int64_t count) {
  std::vector<std::int64_t> result(static_cast<std::size_t>(count));
  std::iota(result.begin(), result.end(), std::int64_t{0});
  return result;
}

TEST(ShuffledOrder, IsAPermutationThatDependsOnSeedAndEpochAlone) {
  const auto order = shuffled_order(1000, 7, 3);
  auto sorted = order;
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(sorted, numbers(1000));
  EXPECT_EQ(order, shuffled_order(1000, 7, 3));
  EXPECT_NE(order, shuffled_order(1000, 7, 4));
  EXPECT_NE(order, shuffled_order(1000, 8, 3));
}

// Worked out by another implementation: a resumed run must find the order of the run it resumes, whatever it was built
// with since.
TEST(ShuffledOrder, NeverChanges) {
  EXPECT_EQ(shuffled_order(8, 1, 0), (std::vector<std::int64_t>{3, 4, 7, 2, 6, 1, 5, 0}));
  EXPECT_EQ(shuffled_order(8, 1, 1), (std::vector<std::int64_t>{4, 6, 7, 0, 5, 1, 3, 2}));
}

TEST(ShuffledOrder, PutsEverySampleEverywhereEquallyOften) {
  constexpr std::int64_t kCount = 8;
  constexpr int kEpochs = 16000;
  std::vector<int> times(kCount * kCount);
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    const auto order = shuffled_order(kCount, 99, epoch);
    for (std::size_t position = 0; position < kCount; ++position) {
      ++times[position * kCount + static_cast<std::size_t>(order[position])];
    }
  }
  double chi_square = 0;
  const double expected = static_cast<double>(kEpochs) / kCount;
  for (const int count : times)
    chi_square += (count - expected) * (count - expected) / expected;
  // 49 degrees of freedom: 85.4 is passed once in a thousand times.
  EXPECT_LT(chi_square, 85.4);
}

struct Case {
  std::int64_t samples;
  std::int64_t batch_size;
  int ranks;
};

class EverySampler : public ::testing::TestWithParam<Case> {};

TEST_P(EverySampler, TrainingCoversEachPositionOnceInGlobalBatches) {
  const auto [samples, batch_size, ranks] = GetParam();
  const std::int64_t global_batch = batch_size * ranks;
  std::vector<std::int64_t> seen;
  std::vector<Sampler> samplers;
  for (int rank = 0; rank < ranks; ++rank) {
    samplers.push_back(
        Sampler::training({.samples = samples, .batch_size = batch_size, .rank = rank, .ranks = ranks, .seed = 1}));
    EXPECT_EQ(samplers[static_cast<std::size_t>(rank)].batches(), samplers[0].batches());
    EXPECT_EQ(samplers[static_cast<std::size_t>(rank)].order(5), samplers[0].order(5));
  }
  ASSERT_GE(samplers[0].batches(), 1);
  for (std::int64_t batch = 0; batch < samplers[0].batches(); ++batch) {
    std::int64_t least = batch_size;
    std::int64_t most = 0;
    std::int64_t total = 0;
    for (const Sampler& sampler : samplers) {
      const Slice slice = sampler.slice(batch);
      EXPECT_EQ(slice.first, static_cast<std::int64_t>(seen.size()));
      EXPECT_LE(slice.count, batch_size);
      EXPECT_EQ(slice.global_count, samplers[0].slice(batch).global_count);
      for (std::int64_t i = 0; i < slice.count; ++i)
        seen.push_back(slice.first + i);
      least = std::min(least, slice.count);
      most = std::max(most, slice.count);
      total += slice.count;
    }
    EXPECT_EQ(total, samplers[0].slice(batch).global_count);
    EXPECT_LE(most - least, 1);
    EXPECT_GE(least, std::min<std::int64_t>(2, batch_size));
    if (batch + 1 < samplers[0].batches()) {
      EXPECT_EQ(total, global_batch);
    }
  }
  EXPECT_EQ(seen, numbers(samplers[0].epoch_samples()));
  EXPECT_EQ(samplers[0].epoch_samples() + samplers[0].dropped(), samples);
  EXPECT_LT(samplers[0].dropped(), 2 * ranks);
}

TEST_P(EverySampler, ValidationCoversEachSampleOnceInOneShardPerRank) {
  const auto [samples, batch_size, ranks] = GetParam();
  std::vector<std::int64_t> seen;
  std::vector<std::int64_t> global_counts;
  std::vector<std::int64_t> totals;
  for (int rank = 0; rank < ranks; ++rank) {
    const Sampler sampler =
        Sampler::validation({.samples = samples, .batch_size = batch_size, .rank = rank, .ranks = ranks});
    EXPECT_EQ(sampler.dropped(), 0);
    totals.resize(static_cast<std::size_t>(sampler.batches()));
    global_counts.resize(totals.size());
    for (std::int64_t batch = 0; batch < sampler.batches(); ++batch) {
      const Slice slice = sampler.slice(batch);
      EXPECT_GE(slice.count, 0);
      EXPECT_LE(slice.count, batch_size);
      if (slice.count > 0) {
        EXPECT_EQ(slice.first, static_cast<std::int64_t>(seen.size()));
      }
      for (std::int64_t i = 0; i < slice.count; ++i)
        seen.push_back(slice.first + i);
      totals[static_cast<std::size_t>(batch)] += slice.count;
      global_counts[static_cast<std::size_t>(batch)] = slice.global_count;
    }
  }
  EXPECT_EQ(seen, numbers(samples));
  EXPECT_EQ(totals, global_counts);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EverySampler,
                         ::testing::Values(Case{1438, 32, 1}, Case{1438, 32, 2}, Case{1438, 32, 3}, Case{359, 32, 2},
                                           Case{64, 32, 2}, Case{65, 32, 2}, Case{67, 32, 2}, Case{68, 32, 2},
                                           Case{71, 32, 2}, Case{5, 100, 2}, Case{8, 1, 4}, Case{9, 1, 4},
                                           Case{50000, 128, 7}, Case{10, 3, 5}),
                         [](const auto& shape) {
                           return std::to_string(shape.param.samples) + "x" + std::to_string(shape.param.batch_size) +
                                  "x" + std::to_string(shape.param.ranks);
                         });

TEST(Sampler, DividesTheTailEvenly) {
  const auto tail = [](int rank) {
    return Sampler::training({.samples = 64 + 7, .batch_size = 32, .rank = rank, .ranks = 2}).slice(1);
  };
  EXPECT_EQ(tail(0), (Slice{.first = 64, .count = 4, .global_count = 7}));
  EXPECT_EQ(tail(1), (Slice{.first = 68, .count = 3, .global_count = 7}));
}

TEST(Sampler, DropsATailThatGivesARankOneSample) {
  const Sampler sampler = Sampler::training({.samples = 64 + 3, .batch_size = 32, .ranks = 2});
  EXPECT_EQ(sampler.batches(), 1);
  EXPECT_EQ(sampler.dropped(), 3);
  EXPECT_EQ(sampler.epoch_samples(), 64);
}

TEST(Sampler, GivesSomeValidationRanksNothing) {
  const auto count = [](int rank) {
    return Sampler::validation({.samples = 2, .batch_size = 4, .rank = rank, .ranks = 4}).slice(0).count;
  };
  EXPECT_THAT((std::vector{count(0), count(1), count(2), count(3)}), ::testing::ElementsAre(1, 1, 0, 0));
}

TEST(Sampler, RefusesMoreRanksThanSamples) {
  EXPECT_THAT([] { Sampler::training({.samples = 7, .batch_size = 4, .rank = 0, .ranks = 4}); },
              ThrowsMessage<core::UsageError>(HasSubstr("more ranks than samples: 7 training samples")));
  EXPECT_THAT([] { Sampler::training({.samples = 3, .batch_size = 4, .rank = 0, .ranks = 2}); },
              ThrowsMessage<core::UsageError>(EndsWith("start at most 1 rank")));
  EXPECT_THAT([] { Sampler::training({.samples = 1, .batch_size = 4, .rank = 0, .ranks = 1}); },
              ThrowsMessage<core::UsageError>("training needs at least 2 samples; the data set has 1"));
  EXPECT_NO_THROW(Sampler::training({.samples = 8, .batch_size = 4, .rank = 0, .ranks = 4}));
}

TEST(Sampler, RefusesWhatIsNoDivision) {
  EXPECT_THROW(Sampler::training({.samples = 8, .batch_size = 0}), core::UsageError);
  EXPECT_THROW(Sampler::training({.samples = 8, .batch_size = 1, .rank = 1, .ranks = 1}), core::UsageError);
  EXPECT_THROW(Sampler::validation({.samples = 0, .batch_size = 1}), core::UsageError);
}

}  // namespace
}  // namespace trainyard::data
