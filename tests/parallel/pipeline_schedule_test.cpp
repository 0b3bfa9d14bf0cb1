#include "parallel/pipeline_schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/schedule_check.h"
#include "schedules.h"

namespace trainyard::parallel {
namespace {

using config::PipelineScheduleKind;
using Pass = Task::Pass;
using testing::ElementsAre;
using testing::IsEmpty;

std::string letters(const PipelineSchedule& schedule, std::size_t stage) {
  std::string text;
  for (const Action& action : schedule.actions[stage]) {
    if (const Task* task = std::get_if<Task>(&action)) {
      text += (task->pass == Pass::kForward ? "F" : "B") + std::to_string(task->micro_batch) + " ";
    }
  }
  return text;
}

TEST(PipelineSchedule, EveryShapeOfEveryKindIsSound) {
  for (const test::ScheduleCase& item : test::schedule_cases())
    EXPECT_THAT(check_schedule(make_schedule(item.kind, item.shape)).faults, IsEmpty()) << test::name(item);
}

TEST(PipelineSchedule, GpipeRunsAllForwardsFirst) {
  const PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kGpipe, {2, 1, 3});
  EXPECT_EQ(letters(schedule, 0), "F0 F1 F2 B0 B1 B2 ");
  EXPECT_EQ(letters(schedule, 1), "F0 F1 F2 B0 B1 B2 ");
}

// Figure 4 of Narayanan et al. 2021, its upper half: 4 stages, 8 micro-batches.
TEST(PipelineSchedule, OneForwardOneBackwardIsThePapersFigure) {
  const PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kOneFOneB, {4, 1, 8});
  EXPECT_EQ(letters(schedule, 0), "F0 F1 F2 F3 B0 F4 B1 F5 B2 F6 B3 F7 B4 B5 B6 B7 ");
  EXPECT_EQ(letters(schedule, 3), "F0 B0 F1 B1 F2 B2 F3 B3 F4 B4 F5 B5 F6 B6 F7 B7 ");
}

// Figure 4's lower half: the first stage of 4, two parts each.
TEST(PipelineSchedule, InterleavedIsThePapersFigure) {
  const PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kInterleaved, {4, 2, 8});
  EXPECT_EQ(letters(schedule, 0),
            "F0 F1 F2 F3 F0 F1 F2 F3 F4 F5 F6 B0 F7 B1 F4 B2 F5 B3 F6 B0 F7 B1 B2 B3 B4 B5 B6 B7 B4 B5 B6 B7 ");
}

TEST(PipelineSchedule, OneForwardOneBackwardHoldsNoMoreThanOneMicroBatchAStageBehind) {
  EXPECT_THAT(check_schedule(make_schedule(PipelineScheduleKind::kGpipe, {4, 1, 8})).most_in_flight,
              ElementsAre(8, 8, 8, 8));
  EXPECT_THAT(check_schedule(make_schedule(PipelineScheduleKind::kOneFOneB, {4, 1, 8})).most_in_flight,
              ElementsAre(4, 3, 2, 1));
}

TEST(PipelineSchedule, BackwardsOfAPartComeInTheOrderOfTheMicroBatches) {
  for (const test::ScheduleCase& item : test::schedule_cases()) {
    const PipelineSchedule schedule = make_schedule(item.kind, item.shape);
    std::vector<int> next(static_cast<std::size_t>(item.shape.parts()), 0);
    for (const auto& actions : schedule.actions) {
      for (const Action& action : actions) {
        const Task* task = std::get_if<Task>(&action);
        if (task == nullptr || task->pass == Pass::kForward) continue;
        EXPECT_EQ(task->micro_batch, next[static_cast<std::size_t>(task->part)]++) << test::name(item);
      }
    }
  }
}

TEST(PipelineSchedule, ShapesThatCannotBeAreRefused) {
  EXPECT_THROW(make_schedule(PipelineScheduleKind::kGpipe, {0, 1, 1}), core::Error);
  EXPECT_THROW(make_schedule(PipelineScheduleKind::kGpipe, {1, 1, 0}), core::Error);
  EXPECT_THROW(make_schedule(PipelineScheduleKind::kOneFOneB, {2, 2, 4}), core::Error);
}

}  // namespace
}  // namespace trainyard::parallel
