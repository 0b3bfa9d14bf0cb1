#include "comm/sweep.h"

#include <gtest/gtest.h>

#include <vector>

#include "support/mpi_main.h"

namespace trainyard::comm {
namespace {

using test::world;

TEST(BusFactor, IsThatOfNcclTests) {
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kAllReduce, 2), 1.0);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kAllReduce, 4), 1.5);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kReduceScatter, 4), 0.75);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kAllGather, 8), 0.875);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kBroadcast, 8), 1.0);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kSendReceive, 8), 1.0);
  EXPECT_DOUBLE_EQ(bus_factor(SweepOperation::kAllReduce, 1), 0.0) << "nothing travels";
}

TEST(Sweep, GivesARowForEachOperationAndSizeOnEveryRank) {
  SweepOptions options{.operations = {SweepOperation::kAllReduce, SweepOperation::kReduceScatter,
                                      SweepOperation::kAllGather, SweepOperation::kBroadcast},
                       .type = at::kHalf,
                       .min_bytes = 1000,
                       .max_bytes = 4000,
                       .iterations = 3};
  if (world().size > 1) options.operations.push_back(SweepOperation::kSendReceive);
  std::vector<SweepRow> rows;
  sweep(world(), options, [&](const SweepRow& row) { rows.push_back(row); });
  ASSERT_EQ(rows.size(), 3 * options.operations.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const SweepRow& row = rows[i];
    EXPECT_EQ(row.operation, options.operations[i / 3]);
    const std::int64_t asked = 1000LL << (i % 3);
    const bool by_parts =
        row.operation == SweepOperation::kReduceScatter || row.operation == SweepOperation::kAllGather;
    const std::int64_t parts = by_parts ? world().size : 1;
    EXPECT_EQ(row.bytes, asked / 2 / parts * parts * 2) << "whole elements for every rank";
    EXPECT_GT(row.time_us, 0);
    EXPECT_DOUBLE_EQ(row.algbw_gbps, static_cast<double>(row.bytes) / (row.time_us * 1e-6) / 1e9);
    EXPECT_DOUBLE_EQ(row.busbw_gbps, row.algbw_gbps * bus_factor(row.operation, world().size));
  }
}

TEST(Sweep, SendsAtLeastOneElementToEveryRank) {
  std::vector<SweepRow> rows;
  sweep(world(), {.operations = {SweepOperation::kAllGather}, .min_bytes = 1, .max_bytes = 1, .iterations = 1},
        [&](const SweepRow& row) { rows.push_back(row); });
  EXPECT_EQ(rows.at(0).bytes, 4 * world().size);
}

}  // namespace
}  // namespace trainyard::comm
