#include "parallel/schedule_times.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "schedules.h"

namespace trainyard::parallel {
namespace {

using config::PipelineScheduleKind;

ScheduleTimes times(const test::ScheduleCase& item, PartCost cost = {}) {
  return predict_times(make_schedule(item.kind, item.shape),
                       std::vector<PartCost>(static_cast<std::size_t>(item.shape.parts()), cost));
}

// Huang et al. 2019, section 2.3: (K - 1) / (M + K - 1); 1F1B has the same bubble (Narayanan et al. 2021,
// section 2.2.1) and interleaving divides it, measured against the time of the work itself, by v (section 2.2.2).
TEST(ScheduleTimes, EqualCostsGiveThePapersBubbles) {
  for (const test::ScheduleCase& item : test::schedule_cases()) {
    const auto& [stages, parts, micro_batches] = item.shape;
    if (item.kind == PipelineScheduleKind::kInterleaved && micro_batches % stages != 0) continue;
    const double expected = (stages - 1.0) / (parts * micro_batches + stages - 1.0);
    for (const double bubble : times(item).bubble)
      EXPECT_NEAR(bubble, expected, 1e-12) << test::name(item);
  }
}

TEST(ScheduleTimes, TheBubbleIsTheSameWhereABackwardCostsTwoForwards) {
  for (const test::ScheduleCase& item : test::schedule_cases()) {
    const auto& [stages, parts, micro_batches] = item.shape;
    if (micro_batches % stages != 0) continue;
    const double expected = (stages - 1.0) / (parts * micro_batches + stages - 1.0);
    for (const double bubble : times(item, {1.0, 2.0}).bubble)
      EXPECT_NEAR(bubble, expected, 1e-12) << test::name(item);
  }
}

TEST(ScheduleTimes, ModelParallelLeavesAllButOneStageIdle) {
  for (const double bubble : times({PipelineScheduleKind::kOneFOneB, {4, 1, 1}}, {1.0, 2.0}).bubble)
    EXPECT_DOUBLE_EQ(bubble, 0.75);
}

TEST(ScheduleTimes, TheDearestStageHasTheSmallestBubble) {
  const PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kGpipe, {2, 1, 4});
  const ScheduleTimes result = predict_times(schedule, {{1.0, 1.0}, {3.0, 3.0}});
  // The second stage waits for the first forward and at the end for the last backward: 4 x 6 of 1 + 24 + 1.
  EXPECT_DOUBLE_EQ(result.length, 26.0);
  EXPECT_DOUBLE_EQ(result.bubble[0], 1.0 - 8.0 / 26.0);
  EXPECT_DOUBLE_EQ(result.bubble[1], 2.0 / 26.0);
}

TEST(ScheduleTimes, MessagesDelayOnlyWhoWaitsForThem) {
  const PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kGpipe, {2, 1, 4});
  const std::vector<PartCost> costs(2);
  EXPECT_DOUBLE_EQ(predict_times(schedule, costs, 0.5).length, predict_times(schedule, costs).length + 1.0);
}

TEST(ScheduleTimes, RefusesWhatCannotBeCarriedOut) {
  PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kGpipe, {2, 1, 2});
  EXPECT_THROW(predict_times(schedule, {{}}), core::Error) << "costs of one part alone";
  schedule.actions[0].clear();
  EXPECT_THROW(predict_times(schedule, {{}, {}}), core::Error);
}

}  // namespace
}  // namespace trainyard::parallel
