#include "parallel/micro_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trainyard::parallel {
namespace {

using testing::ElementsAre;

config::RunConfig with(std::int64_t batch_size, std::int64_t micro_batches, std::int64_t split_size) {
  config::RunConfig config;
  config.batch_size = batch_size;
  config.micro_batches = micro_batches;
  config.split_size = split_size;
  return config;
}

TEST(MicroBatches, AreAsEvenAsPossible) {
  EXPECT_THAT(micro_batch_sizes(12, with(12, 4, 0), 2), ElementsAre(3, 3, 3, 3));
  EXPECT_THAT(micro_batch_sizes(11, with(12, 4, 0), 2), ElementsAre(3, 3, 3, 2));
  EXPECT_THAT(micro_batch_sizes(11, with(11, 0, 4), 2), ElementsAre(4, 4, 3));
}

TEST(MicroBatches, AreFourAStageWhereNothingIsSaid) {
  EXPECT_THAT(micro_batch_sizes(32, with(32, 0, 0), 2), ElementsAre(4, 4, 4, 4, 4, 4, 4, 4));
}

TEST(MicroBatches, ASplitSizeBeyondTheBatchMakesOne) {
  EXPECT_THAT(micro_batch_sizes(5, with(5, 0, 100), 2), ElementsAre(5));
}

TEST(MicroBatches, ASmallLastBatchHasFewerRatherThanSingleSamples) {
  EXPECT_THAT(micro_batch_sizes(5, with(32, 8, 0), 2), ElementsAre(3, 2));
  EXPECT_THAT(micro_batch_sizes(1, with(32, 8, 0), 2), ElementsAre(1));
  EXPECT_THAT(micro_batch_sizes(5, with(32, 0, 2), 2), ElementsAre(3, 2));
}

TEST(MicroBatches, SingleSamplesAreTakenWhereTheConfigurationAsksForThem) {
  EXPECT_THAT(micro_batch_sizes(3, with(3, 0, 1), 2), ElementsAre(1, 1, 1));
  EXPECT_THAT(micro_batch_sizes(3, with(4, 4, 0), 2), ElementsAre(1, 1, 1));
}

}  // namespace
}  // namespace trainyard::parallel
