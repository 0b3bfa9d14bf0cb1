#include "report/groups.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

RunSummary run_of(const std::string& label, double images_per_second, const std::string& config) {
  RunSummary run = testing::sample_summary(label, 1, images_per_second);
  run.attributes.config = config;
  return run;
}

TEST(FindGroups, PutsRunsTogetherThatDifferInTheirSeedAlone) {
  const auto groups = find_groups({run_of("a", 100, "lr = 1\nseed = 0\noutput = x\n"),
                                   run_of("b", 90, "lr = 2\nseed = 0\n"), run_of("c", 110, "lr = 1\nseed = 1\n")});
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].runs, (std::vector<std::size_t>{0, 2}));
  EXPECT_DOUBLE_EQ(groups[0].images_per_second->mean, 105);
  EXPECT_EQ(groups[1].runs, (std::vector<std::size_t>{1}));
}

TEST(FindGroups, GoesByTheDigestWhereTheConfigurationIsNotWhole) {
  RunSummary a = run_of("a", 1, "lr = 1\n");
  RunSummary b = a;
  b.attributes.config_digest = "other";
  EXPECT_EQ(find_groups({a, b}).size(), 2U);
  EXPECT_EQ(find_groups({a, a}).size(), 1U);
}

TEST(FindGroups, DoesNotTakeRunsOfOtherProgramsForRepeatsUnlessTheySaySo) {
  RunSummary a = run_of("a", 1, "");
  RunSummary b = a;
  b.attributes.run = "another";
  EXPECT_EQ(find_groups({a, b}).size(), 2U);
  a.attributes.config_digest = b.attributes.config_digest = "same";
  EXPECT_EQ(find_groups({a, b}).size(), 1U);
}

std::vector<Comparison> compare(const std::vector<RunSummary>& runs) {
  return compare_groups(runs, find_groups(runs));
}

TEST(CompareGroups, CallsADifferenceOneOnlyAboveTheNoise) {
  std::vector<RunSummary> runs;
  for (const double rate : {100.0, 104.0, 98.0, 101.0}) {
    runs.push_back(run_of("fp32", rate, "seed = 0\nbucket-mb = 25\n"));
    runs.push_back(run_of("amp", rate * 1.5, "seed = 0\nbucket-mb = 25\n"));
    runs.back().attributes.precision = "amp";
    runs.push_back(run_of("bucket", rate * 1.01, "seed = 0\nbucket-mb = 10\n"));
  }
  const auto comparisons = compare(runs);
  ASSERT_EQ(comparisons.size(), 2U) << "amp and bucket differ in two things";
  EXPECT_EQ(comparisons[0].difference, "precision: amp instead of fp32");
  EXPECT_EQ(comparisons[0].verdict, Verdict::kFaster);
  EXPECT_DOUBLE_EQ(comparisons[0].ratio, 1.5);
  EXPECT_EQ(comparisons[1].difference, "bucket-mb: 10 instead of 25");
  EXPECT_EQ(comparisons[1].verdict, Verdict::kNoDifference);
}

TEST(CompareGroups, SaysNothingFromTwoRepeats) {
  std::vector<RunSummary> runs;
  for (const double rate : {100.0, 101.0}) {
    runs.push_back(run_of("a", rate, "seed = 0\nworkers = 0\n"));
    runs.push_back(run_of("b", rate * 3, "seed = 0\nworkers = 4\n"));
  }
  const auto comparisons = compare(runs);
  ASSERT_EQ(comparisons.size(), 1U);
  EXPECT_EQ(comparisons[0].verdict, Verdict::kTooFewRepeats);
}

TEST(CompareGroups, TakesMoreRanksForOneDifference) {
  std::vector<RunSummary> runs;
  for (int repeat = 0; repeat < 3; ++repeat) {
    runs.push_back(run_of("one", 100, "seed = 0\nbatch-size = 32\nstrategy = single\n"));
    runs.push_back(testing::sample_summary("two", 2, 190));
    runs.back().attributes.config = "seed = 0\nbatch-size = 32\nstrategy = ddp\n";
  }
  const auto comparisons = compare(runs);
  ASSERT_EQ(comparisons.size(), 1U);
  EXPECT_EQ(comparisons[0].difference, "2 ranks instead of 1");
}

}  // namespace
}  // namespace trainyard::report
