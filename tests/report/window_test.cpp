#include "report/window.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using testing::sample_log;
using Numbers = std::vector<std::int64_t>;

TEST(Stitch, TakesTheStepsThatEveryRankLogged) {
  // rank 1 was killed and lacks its last two steps
  const auto run = testing::sample_run({sample_log(0, 2, Numbers(6, 10)), sample_log(1, 2, Numbers(4, 10))});
  const Stitched stitched = stitch(run);
  EXPECT_EQ(stitched.windows[0].steps, (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(stitched.windows[0].rows[0], (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(stitched.windows[0].warmup, 1U);
  EXPECT_EQ(stitched.lost, 0);
}

TEST(Stitch, FindsRowsByStepNumber) {
  const auto run = testing::sample_run({sample_log(0, 2, Numbers(4, 10), 2), sample_log(1, 2, Numbers(6, 10), 0)});
  const Stitched stitched = stitch(run);
  EXPECT_EQ(stitched.windows[0].steps, (Numbers{2, 3, 4, 5}));
  EXPECT_EQ(stitched.windows[0].rows[0], (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(stitched.windows[0].rows[1], (Numbers{2, 3, 4, 5}));
}

TEST(Stitch, PassesOverARankWithoutSteps) {
  const auto run =
      testing::sample_run({sample_log(0, 3, {}), sample_log(1, 3, Numbers(3, 10)), sample_log(2, 3, Numbers(3, 10))});
  const Stitched stitched = stitch(run);
  EXPECT_EQ(stitched.windows[0].steps.size(), 3U);
  EXPECT_TRUE(stitched.windows[0].rows[0].empty());
  EXPECT_EQ(stitched.windows[0].rows[2].size(), 3U);
}

TEST(Stitch, RanksWithNoStepInCommonGiveAnEmptyWindow) {
  const auto run = testing::sample_run(
      {sample_log(0, 3, Numbers(2, 10), 0), sample_log(1, 3, Numbers(2, 10), 5), sample_log(2, 3, Numbers(2, 10), 0)});
  EXPECT_TRUE(stitch(run).windows[0].steps.empty());
}

TEST(Stitch, LetsTheLaterStartWin) {
  // 0..9, then again from the checkpoint at 6: 6..9 were done twice; the third start goes back to 8
  auto run = testing::sample_run({sample_log(0, 1, Numbers(10, 10))});
  run.starts.push_back({1, {sample_log(0, 1, Numbers(6, 20), 6)}});
  run.starts.push_back({2, {sample_log(0, 1, Numbers(6, 30), 8)}});
  const Stitched stitched = stitch(run);
  EXPECT_EQ(stitched.windows[0].steps, (Numbers{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(stitched.windows[1].steps, (Numbers{6, 7}));
  EXPECT_EQ(stitched.windows[2].steps, (Numbers{8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(stitched.lost, 4 + 4);
}

TEST(Stitch, AnEarlierStartThatWasRedoneWhollyCountsForNothing) {
  auto run = testing::sample_run({sample_log(0, 1, Numbers(3, 10))});
  run.starts.push_back({1, {sample_log(0, 1, Numbers(5, 20))}});
  const Stitched stitched = stitch(run);
  EXPECT_TRUE(stitched.windows[0].steps.empty());
  EXPECT_EQ(stitched.lost, 3);
}

}  // namespace
}  // namespace trainyard::report
