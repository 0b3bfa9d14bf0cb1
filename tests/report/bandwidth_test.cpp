#include "report/bandwidth.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using log::CollectiveOp;

/// Rank 1's clock is 500 ns ahead; rank 0 comes 2 us earlier to each all-reduce, which then takes 8 us.
Start start_of_two() {
  Start start{0, {testing::sample_log(0, 2, {1, 1}), testing::sample_log(1, 2, {1, 1})}};
  for (std::int64_t i = 0; i < 4; ++i) {
    const std::int64_t at = i * 100'000;
    start.ranks[0].collectives.push_back({i, CollectiveOp::kAllReduce, 4096, at, at, at + 10'000});
    start.ranks[1].collectives.push_back({i, CollectiveOp::kAllReduce, 4096, at, at + 2'500, at + 10'500});
  }
  return start;
}

TEST(BandwidthBySize, TakesTheTimeOfTheRankThatCameLast) {
  const auto sizes = bandwidth_by_size(start_of_two());
  ASSERT_EQ(sizes.size(), 1U);
  EXPECT_EQ(sizes[0].op, CollectiveOp::kAllReduce);
  EXPECT_EQ(sizes[0].from_bytes, 4096);
  EXPECT_EQ(sizes[0].operations, 4);
  EXPECT_DOUBLE_EQ(sizes[0].mean_ns, 8'000);
  EXPECT_DOUBLE_EQ(sizes[0].bus_bandwidth, 4096 / 8e-6);  // 2 (n-1)/n is 1 for two ranks
  Start turned = start_of_two();
  std::swap(turned.ranks[0].collectives, turned.ranks[1].collectives);
  EXPECT_DOUBLE_EQ(bandwidth_by_size(turned).at(0).mean_ns, 8'000) << "whichever rank that is";
}

TEST(BandwidthBySize, LeavesOutWhatARankLacksOrWhatCannotBe) {
  Start start = start_of_two();
  start.ranks[0].collectives.push_back({9, CollectiveOp::kAllReduce, 4096, 0, 0, 10});  // rank 1 does not have it
  for (RankLog& log : start.ranks) {
    log.collectives.push_back({10, CollectiveOp::kAllReduce, -1, 0, 0, 10});
    log.collectives.push_back({11, CollectiveOp::kAllReduce, 64, 0, 10, 10});
    log.collectives.push_back({12, CollectiveOp::kBarrier, 64, 0, 0, 10});
    log.collectives.push_back({13, CollectiveOp::kExchange, 64, 0, 0, 10});
  }
  EXPECT_EQ(bandwidth_by_size(start).size(), 1U);
}

TEST(BandwidthBySize, LeavesOutOperationsOfPartsOfTheRanks) {
  Start start = start_of_two();
  for (RankLog& log : start.ranks)  // with sequence numbers of their own
    log.collectives.push_back({0, CollectiveOp::kAllReduce, 1 << 20, 0, 0, 100, /*group=*/1});
  const auto sizes = bandwidth_by_size(start);
  ASSERT_EQ(sizes.size(), 1U);
  EXPECT_EQ(sizes[0].from_bytes, 4096);
  EXPECT_EQ(sizes[0].operations, 4);
  EXPECT_EQ(clock_shifts(start), clock_shifts(start_of_two()));
}

TEST(BandwidthBySize, CountsTheWholeTensorOfAnAllGather) {
  Start start = start_of_two();
  for (RankLog& log : start.ranks)
    log.collectives = {{0, CollectiveOp::kAllGather, 1000, 0, 0, 1000}};
  const auto sizes = bandwidth_by_size(start);
  ASSERT_EQ(sizes.size(), 1U);
  EXPECT_DOUBLE_EQ(sizes[0].mean_bytes, 2000);
  EXPECT_DOUBLE_EQ(sizes[0].bus_bandwidth, 2000 * 0.5 / 1e-6);
}

TEST(ClockShifts, AlignRanksAtTheEndsOfTheirCollectives) {
  Start start = start_of_two();
  start.ranks[1].attributes.clock_offset_ns = 77'777;
  EXPECT_EQ(clock_shifts(start), (std::vector<std::int64_t>{0, 500}));
  start.ranks[1].collectives.clear();
  EXPECT_EQ(clock_shifts(start), (std::vector<std::int64_t>{0, 77'777})) << "by the clocks where there are none";
  start.ranks[1].attributes.clock_offset_ns = INT64_MIN;
  EXPECT_EQ(clock_shifts(start), (std::vector<std::int64_t>{0, 0}));
}

}  // namespace
}  // namespace trainyard::report
