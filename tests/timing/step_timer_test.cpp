#include "timing/step_timer.h"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include <chrono>
#include <thread>
#include <vector>

#include "core/clock.h"

namespace trainyard::timing {
namespace {

using Region = StepTimer::Region;

void spend_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

std::int64_t sum_of_phases(const log::StepRow& row) {
  return row.data_ns + row.transfer_ns + row.forward_ns + row.backward_ns + row.exposed_comm_ns + row.idle_ns +
         row.optimizer_ns + row.other_ns;
}

class StepTimerTest : public ::testing::Test {
 protected:
  std::vector<log::StepRow> rows_;
  std::int64_t zero_ns_ = core::steady_ns();
  StepTimer timer_{at::kCPU, zero_ns_, [this](const log::StepRow& row) { rows_.push_back(row); }};
};

TEST_F(StepTimerTest, MeasuresEachPhaseOnItsOwnAndTheRestAsOther) {
  timer_.start();
  {
    const Region region(timer_, Phase::kData);
    spend_ms(5);
  }
  spend_ms(4);
  {
    const Region region(timer_, Phase::kForward);
    spend_ms(10);
  }
  timer_.finish_step({.epoch = 2, .step = 7, .samples = 32, .loss = at::full({}, 0.5f), .comm_ns = [] { return 11L; }});

  ASSERT_EQ(rows_.size(), 1u);
  const log::StepRow& row = rows_[0];
  EXPECT_EQ(row.epoch, 2);
  EXPECT_EQ(row.step, 7);
  EXPECT_EQ(row.samples, 32);
  EXPECT_DOUBLE_EQ(row.loss, 0.5);
  EXPECT_EQ(row.comm_ns, 11);
  EXPECT_GE(row.data_ns, 5'000'000);
  EXPECT_GE(row.forward_ns, 10'000'000);
  EXPECT_GE(row.other_ns, 4'000'000);
  EXPECT_EQ(row.backward_ns, 0);
  EXPECT_EQ(sum_of_phases(row), row.step_ns);
}

TEST_F(StepTimerTest, StepsFollowEachOtherWithoutAGap) {
  const std::int64_t before_ns = core::steady_ns();
  timer_.start();
  for (int step = 0; step < 5; ++step) {
    const Region region(timer_, Phase::kBackward);
    spend_ms(2);
    timer_.finish_step({.epoch = 0, .step = step, .samples = 1, .loss = {}, .comm_ns = {}});
  }
  timer_.drain();
  const std::int64_t elapsed_ns = core::steady_ns() - before_ns;

  ASSERT_EQ(rows_.size(), 5u);
  std::int64_t sum_ns = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    sum_ns += rows_[i].step_ns;
    if (i > 0) {
      EXPECT_EQ(rows_[i].start_ns, rows_[i - 1].start_ns + rows_[i - 1].step_ns);
    }
  }
  EXPECT_GE(rows_[0].start_ns, before_ns - zero_ns_);
  EXPECT_LE(sum_ns, elapsed_ns);
  EXPECT_GE(sum_ns, 10'000'000);
}

TEST_F(StepTimerTest, TheTimeOfAnInnerRegionIsNotTheOuterOnes) {
  timer_.start();
  {
    const Region outer(timer_, Phase::kBackward);
    spend_ms(2);
    {
      const Region inner(timer_, Phase::kExposedComm);
      spend_ms(20);
    }
    spend_ms(2);
  }
  timer_.finish_step({.epoch = 0, .step = 0, .samples = 1, .loss = {}, .comm_ns = {}});

  ASSERT_EQ(rows_.size(), 1u);
  EXPECT_GE(rows_[0].exposed_comm_ns, 20'000'000);
  EXPECT_GE(rows_[0].backward_ns, 4'000'000);
  EXPECT_EQ(sum_of_phases(rows_[0]), rows_[0].step_ns);
}

TEST_F(StepTimerTest, TellsWhichPhaseEnded) {
  std::vector<Phase> ended;
  timer_.start();
  timer_.observe([&](Phase phase) { ended.push_back(phase); });
  {
    const Region backward(timer_, Phase::kBackward);
    const Region optimizer(timer_, Phase::kOptimizer);
  }
  timer_.observe({});
  const Region unheard(timer_, Phase::kData);
  EXPECT_THAT(ended, testing::ElementsAre(Phase::kOther, Phase::kBackward, Phase::kOptimizer, Phase::kBackward));
}

TEST_F(StepTimerTest, WhatLiesBetweenTwoEpochsBelongsToNoStep) {
  timer_.start();
  timer_.finish_step({.epoch = 0, .step = 0, .samples = 1, .loss = {}, .comm_ns = {}});
  spend_ms(20);
  timer_.start();
  timer_.finish_step({.epoch = 1, .step = 1, .samples = 1, .loss = {}, .comm_ns = {}});

  ASSERT_EQ(rows_.size(), 2u);
  EXPECT_LT(rows_[1].step_ns, 20'000'000);
  EXPECT_GE(rows_[1].start_ns, rows_[0].start_ns + 20'000'000);
}

}  // namespace
}  // namespace trainyard::timing
