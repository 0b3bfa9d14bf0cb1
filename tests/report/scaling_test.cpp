#include "report/scaling.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using testing::sample_summary;

TEST(FindScaling, MatchesTheBatchPerRankAsWeakAndTheGlobalBatchAsStrong) {
  std::vector<RunSummary> runs{sample_summary("one", 1, 100), sample_summary("two", 2, 190),
                               sample_summary("big", 1, 110)};
  runs[2].attributes.global_batch = 64;
  const auto all = find_scaling(runs);
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].kind, ScalingKind::kWeak);
  EXPECT_EQ(all[0].baseline, 0U);
  EXPECT_DOUBLE_EQ(all[0].speedup, 1.9);
  EXPECT_DOUBLE_EQ(all[0].efficiency, 0.95);
  EXPECT_EQ(all[1].kind, ScalingKind::kStrong);
  EXPECT_EQ(all[1].baseline, 2U);
  EXPECT_DOUBLE_EQ(all[1].speedup, 190.0 / 110);
  EXPECT_EQ(scaling_of(all, 1), all.data());
  EXPECT_EQ(scaling_of(all, 0), nullptr);
}

TEST(FindScaling, TakesTheFastestBaseline) {
  const std::vector<RunSummary> runs{sample_summary("slow", 1, 90), sample_summary("fast", 1, 100),
                                     sample_summary("two", 2, 190)};
  const auto all = find_scaling(runs);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].baseline, 1U);
}

TEST(FindScaling, DoesNotCompareDifferentWork) {
  const RunSummary two = sample_summary("two", 2, 190);
  const auto pairs_with = [&two](auto change) {
    RunSummary one = sample_summary("one", 1, 100);
    change(one);
    return find_scaling({one, two}).size();
  };
  EXPECT_EQ(pairs_with([](RunSummary&) {}), 1U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.model = "resnet34"; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.data = "cifar10"; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.precision = "fp16"; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.device = "cuda"; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.device_name = "other"; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.global_batch = 48; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.attributes.global_batch = 0; }), 0U);
  EXPECT_EQ(pairs_with([](RunSummary& one) { one.images_per_second.reset(); }), 0U);
}

TEST(FindScaling, ComparesTheKeysThatSetTheCostWhereBothAreKnown) {
  RunSummary one = sample_summary("one", 1, 100);
  RunSummary two = sample_summary("two", 2, 190);
  one.attributes.config = "workers = 0\nlr = 0.1\n";
  two.attributes.config = "workers = 2\nlr = 0.2\n";
  EXPECT_TRUE(find_scaling({one, two}).empty());
  two.attributes.config = "workers = 0\nlr = 0.2\nimage-size = 8\n";
  EXPECT_EQ(find_scaling({one, two}).size(), 1U);
}

TEST(FindScaling, LeavesOutRunsWithMissingRanks) {
  RunSummary two = sample_summary("two", 2, 190);
  two.ranks_present = 1;
  EXPECT_TRUE(find_scaling({sample_summary("one", 1, 100), two}).empty());
}

}  // namespace
}  // namespace trainyard::report
