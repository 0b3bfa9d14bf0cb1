#include "parallel/schedule_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

namespace trainyard::parallel {
namespace {

using config::PipelineScheduleKind;
using Direction = Message::Direction;
using Pass = Task::Pass;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

PipelineSchedule sound() {
  return make_schedule(PipelineScheduleKind::kOneFOneB, {2, 1, 4});
}

std::size_t place_of(const std::vector<Action>& actions, const Task& task) {
  return static_cast<std::size_t>(std::ranges::find(actions, Action(task)) - actions.begin());
}

/// The exchange of a stage that holds a message of this task.
std::size_t exchange_of(const std::vector<Action>& actions, const Task& task) {
  const auto found = std::ranges::find_if(actions, [&](const Action& action) {
    const Exchange* exchange = std::get_if<Exchange>(&action);
    return exchange != nullptr && std::ranges::find(*exchange, task, &Message::made_by) != exchange->end();
  });
  return static_cast<std::size_t>(found - actions.begin());
}

void expect_fault(const PipelineSchedule& schedule, const std::string& text) {
  EXPECT_THAT(check_schedule(schedule).faults, Contains(HasSubstr(text)));
}

TEST(ScheduleCheck, FindsNothingWrongWithASoundSchedule) {
  EXPECT_THAT(check_schedule(sound()).faults, IsEmpty());
}

TEST(ScheduleCheck, FindsAMissingTask) {
  PipelineSchedule schedule = sound();
  std::erase(schedule.actions[0], Action(Task{Pass::kBackward, 0, 3}));
  expect_fault(schedule, "the backward of micro-batch 3 through part 0 is missing");
}

TEST(ScheduleCheck, FindsATaskThatComesTwice) {
  PipelineSchedule schedule = sound();
  schedule.actions[0].emplace_back(Task{Pass::kForward, 0, 3});
  expect_fault(schedule, "stage 0: forward of micro-batch 3 through part 0 comes twice");
}

TEST(ScheduleCheck, FindsATaskOfAnotherStage) {
  PipelineSchedule schedule = sound();
  schedule.actions[0].emplace_back(Task{Pass::kForward, 1, 3});
  expect_fault(schedule, "is not its own");
}

TEST(ScheduleCheck, FindsABackwardBeforeItsForward) {
  PipelineSchedule schedule = sound();
  auto& actions = schedule.actions[1];
  std::swap(actions[place_of(actions, {Pass::kForward, 1, 2})], actions[place_of(actions, {Pass::kBackward, 1, 2})]);
  expect_fault(schedule, "comes before its forward");
}

TEST(ScheduleCheck, FindsATaskWhoseInputHasNotCome) {
  PipelineSchedule schedule = sound();
  auto& actions = schedule.actions[1];
  std::rotate(actions.begin(), actions.begin() + 1, actions.begin() + 2);  // the first receive behind what needs it
  expect_fault(schedule, "stage 1: forward of micro-batch 0 through part 1 comes before its input");
}

TEST(ScheduleCheck, FindsAResultThatIsSentBeforeItIsMade) {
  PipelineSchedule schedule = sound();
  auto& actions = schedule.actions[0];
  std::swap(actions[0], actions[1]);
  expect_fault(schedule, "stage 0: sends the result of the forward of micro-batch 0 through part 0 before it is made");
}

TEST(ScheduleCheck, FindsAMessageThatNobodyReceives) {
  PipelineSchedule schedule = sound();
  auto& actions = schedule.actions[0];
  actions.erase(actions.begin() + static_cast<std::ptrdiff_t>(exchange_of(actions, {Pass::kBackward, 1, 3})));
  expect_fault(schedule, "stage 1 sends 4 messages to stage 0, which receives 3");
}

TEST(ScheduleCheck, FindsAMessageThatNobodySends) {
  PipelineSchedule schedule = sound();
  auto& actions = schedule.actions[1];
  actions.erase(actions.begin() + static_cast<std::ptrdiff_t>(exchange_of(actions, {Pass::kBackward, 1, 3})));
  expect_fault(schedule, "stage 0 waits for 4 messages of stage 1, which sends 3");
}

TEST(ScheduleCheck, FindsMessagesReceivedInAnotherOrder) {
  PipelineSchedule schedule = make_schedule(PipelineScheduleKind::kGpipe, {2, 1, 4});
  auto& actions = schedule.actions[1];
  std::swap(actions[exchange_of(actions, {Pass::kForward, 0, 0})],
            actions[exchange_of(actions, {Pass::kForward, 0, 1})]);
  expect_fault(schedule, "message 0 from stage 0 to stage 1");
}

// What grouping is for: in the steady state both neighbours have something to send.
TEST(ScheduleCheck, FindsTheDeadlockOfSeparateSendsAndReceives) {
  PipelineSchedule schedule = sound();
  for (auto& actions : schedule.actions) {
    std::vector<Action> single;
    for (const Action& action : actions) {
      const Exchange* exchange = std::get_if<Exchange>(&action);
      if (exchange == nullptr) {
        single.push_back(action);
        continue;
      }
      for (const Direction first : {Direction::kSend, Direction::kReceive}) {
        for (const Message& message : *exchange) {
          if (message.direction == first) single.emplace_back(Exchange{message});
        }
      }
    }
    actions = std::move(single);
  }
  expect_fault(schedule, "deadlock: stage 0 waits for ever");
}

TEST(ScheduleCheck, FindsActionsOfTooFewStages) {
  PipelineSchedule schedule = sound();
  schedule.actions.pop_back();
  expect_fault(schedule, "1 stages have actions, 2 are meant");
}

}  // namespace
}  // namespace trainyard::parallel
