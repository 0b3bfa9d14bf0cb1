#include "training/bandwidth.h"

#include <gtest/gtest.h>

#include <cmath>

namespace trainyard::training {
namespace {

comm::CollectiveRecord record(comm::Operation operation, std::int64_t bytes, std::int64_t ns) {
  return {.operation = operation, .bytes = bytes, .interval = {.enqueue_ns = 5, .start_ns = 10, .end_ns = 10 + ns}};
}

// 1,000 bytes in 1,000 ns are 10^9 bytes a second; nccl-tests' factors for 4 ranks are 1.5 and 0.75.
TEST(BandwidthTest, OfCollectivesIsTheirBusBandwidth) {
  BandwidthMeter all_reduce;
  all_reduce.add_collective(record(comm::Operation::kAllReduce, 1000, 1000), 4);
  EXPECT_DOUBLE_EQ(all_reduce.bus(), 1.5e9);
  BandwidthMeter sharded;
  sharded.add_collective(record(comm::Operation::kReduceScatter, 1000, 1000), 4);
  sharded.add_collective(record(comm::Operation::kAllGather, 250, 1000), 4);  // a rank's shard of 1,000 bytes
  EXPECT_DOUBLE_EQ(sharded.bus(), 0.75e9);
}

TEST(BandwidthTest, OtherOperationsDoNotCount) {
  BandwidthMeter meter;
  meter.add_collective(record(comm::Operation::kBarrier, 0, 1000), 2);
  meter.add_collective(record(comm::Operation::kBroadcast, 1000, 1000), 2);
  EXPECT_TRUE(std::isnan(meter.bus()));
}

TEST(BandwidthTest, OfCopiesIsBytesOverTheirTime) {
  BandwidthMeter meter;
  meter.add_transfer_time(500);
  EXPECT_TRUE(std::isnan(meter.transfer())) << "a CPU's batches are not copied";
  meter.add_transfer(2000);
  EXPECT_DOUBLE_EQ(meter.transfer(), 4e9);
  meter.reset();
  EXPECT_TRUE(std::isnan(meter.transfer()));
}

}  // namespace
}  // namespace trainyard::training
