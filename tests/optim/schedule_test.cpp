#include "optim/schedule.h"

#include <gtest/gtest.h>

namespace trainyard::optim {
namespace {

constexpr std::int64_t kStepsPerEpoch = 10;
constexpr std::int64_t kTotalSteps = 100;

config::RunConfig run_with(config::ScheduleKind kind) {
  config::RunConfig run;
  run.schedule = kind;
  run.lr = 0.4;
  return run;
}

TEST(ScheduleTest, ConstantStaysAtTheRate) {
  const Schedule schedule(run_with(config::ScheduleKind::kConstant), kStepsPerEpoch, kTotalSteps);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(99), 0.4);
}

TEST(ScheduleTest, StepDecaysAtEpochBoundaries) {
  config::RunConfig run = run_with(config::ScheduleKind::kStep);
  run.step_epochs = 3;
  run.step_factor = 0.5;
  const Schedule schedule(run, kStepsPerEpoch, kTotalSteps);
  EXPECT_DOUBLE_EQ(schedule.at(29), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(30), 0.2);
  EXPECT_DOUBLE_EQ(schedule.at(60), 0.1);
}

TEST(ScheduleTest, CosineFallsFromTheRateThroughHalfToZero) {
  const Schedule schedule(run_with(config::ScheduleKind::kCosine), kStepsPerEpoch, kTotalSteps);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.4);
  EXPECT_NEAR(schedule.at(50), 0.2, 1e-12);
  EXPECT_GT(schedule.at(99), 0.0);
  EXPECT_NEAR(schedule.at(100), 0.0, 1e-12);
}

TEST(ScheduleTest, LinearFallsFromTheRateBehindTheWarmUpToZero) {
  config::RunConfig run = run_with(config::ScheduleKind::kLinear);
  run.warmup = 2.0;
  const Schedule schedule(run, kStepsPerEpoch, kTotalSteps);
  EXPECT_DOUBLE_EQ(schedule.at(9), 0.2);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(40), 0.3);
  EXPECT_DOUBLE_EQ(schedule.at(60), 0.2);
  EXPECT_NEAR(schedule.at(99), 0.005, 1e-12);
  EXPECT_DOUBLE_EQ(schedule.at(100), 0.0);
}

TEST(ScheduleTest, WarmUpRisesInALineAndThenTheScheduleBegins) {
  config::RunConfig run = run_with(config::ScheduleKind::kCosine);
  run.warmup = 2.0;
  const Schedule schedule(run, kStepsPerEpoch, kTotalSteps);
  EXPECT_DOUBLE_EQ(schedule.at(0), 0.4 / 20);
  EXPECT_DOUBLE_EQ(schedule.at(9), 0.4 / 2);
  EXPECT_DOUBLE_EQ(schedule.at(19), 0.4);
  EXPECT_DOUBLE_EQ(schedule.at(20), 0.4);
  EXPECT_NEAR(schedule.at(60), 0.2, 1e-12);
}

}  // namespace
}  // namespace trainyard::optim
