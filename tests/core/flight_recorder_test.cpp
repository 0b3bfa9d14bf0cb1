#include "core/flight_recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "support/temporary_folder.h"

namespace trainyard::core {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

RecordedRank rank_with(int rank, RankState state, bool lives, std::vector<RecordedGroup> groups) {
  return {.rank = rank, .node = {}, .state = state, .lives = lives, .groups = std::move(groups)};
}

/// A communicator that has ended operation `ended`, carries out `begun`, and was asked for `called`.
RecordedGroup group(const std::string& name, std::int64_t ended, std::int64_t begun, std::int64_t called,
                    const std::string& text = "all_reduce(sum) of 9 Float") {
  return {.name = name, .compared = true, .called = called, .begun = begun, .ended = ended, .text = text};
}

RecordedGroup exchanges(std::int64_t ended, std::int64_t begun) {
  return {.name = "data exchanges",
          .compared = false,
          .called = begun,
          .begun = begun,
          .ended = ended,
          .text = "exchange(receives 3 Float from rank 1)"};
}

TEST(FlightRecorder, WhatItHoldsBeforeAndAfterItIsKeptIsInTheFile) {
  const testing::TemporaryFolder folder;
  FlightRecorder recorder(2, 4, "node7");
  FlightRecorder::Group data = recorder.open("data", true);
  data.called(0);
  data.begun(0, "barrier");
  data.ended(0);
  recorder.keep_in(folder.path());
  data.called(3);
  data.begun(1, "all_reduce(sum) of 9 Float");
  FlightRecorder::Group part = recorder.open("data/0:1", true);
  part.called(0);
  recorder.set_state(RankState::kFailed);

  const std::vector<RecordedRank> ranks = read_flight_records(folder.path());
  ASSERT_EQ(ranks.size(), 1u);
  EXPECT_EQ(ranks[0].rank, 2);
  EXPECT_EQ(ranks[0].node, "node7");
  EXPECT_EQ(ranks[0].state, RankState::kFailed);
  ASSERT_EQ(ranks[0].groups.size(), 2u);
  EXPECT_EQ(ranks[0].groups[0].name, "data");
  EXPECT_EQ(ranks[0].groups[0].called, 3);
  EXPECT_EQ(ranks[0].groups[0].begun, 1);
  EXPECT_EQ(ranks[0].groups[0].ended, 0);
  EXPECT_EQ(ranks[0].groups[0].text, "all_reduce(sum) of 9 Float");
  EXPECT_TRUE(ranks[0].groups[0].is_pending());
  EXPECT_EQ(ranks[0].groups[1].called, 0);
  EXPECT_FALSE(ranks[0].groups[1].is_pending());

  recorder.discard();
  EXPECT_TRUE(read_flight_records(folder.path()).empty());
}

TEST(FlightRecorder, TellsAProcessThatLivesFromOneThatWasKilled) {
  const testing::TemporaryFolder folder;
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    FlightRecorder recorder(1, 2, "node1");
    FlightRecorder::Group data = recorder.open("data", true);
    recorder.keep_in(folder.path());
    data.called(5);
    data.begun(5, "barrier");
    if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    while (true)
      ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_TRUE(read_flight_records(folder.path()).at(0).lives);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  const RecordedRank dead = read_flight_records(folder.path()).at(0);
  EXPECT_FALSE(dead.lives);
  EXPECT_EQ(dead.state, RankState::kRunning);
  EXPECT_EQ(dead.groups.at(0).begun, 5) << "what it wrote last is there";
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(FlightRecorder, HasRoomForManyGroupsAndForgetsTheRest) {
  FlightRecorder recorder(0, 2, "node1");
  for (int i = 0; i < 100; ++i) {
    FlightRecorder::Group group = recorder.open("data/" + std::to_string(i) + std::string(200, 'x'), true);
    group.called(i);
    group.begun(i, std::string(1000, 'y'));
  }
  const testing::TemporaryFolder folder;
  recorder.keep_in(folder.path());
  const RecordedRank rank = read_flight_records(folder.path()).at(0);
  EXPECT_GE(rank.groups.size(), 24u);
  EXPECT_LT(rank.groups.size(), 100u);
  EXPECT_THAT(rank.groups.back().name, StartsWith("data/" + std::to_string(rank.groups.size() - 1) + "x"));
}

TEST(FlightRecords, LeaveOutWhatIsNoneOfTheirs) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "rank-00000.calls") << "cut short";
  std::ofstream(folder / "rank-00000.h5") << "a log";
  EXPECT_TRUE(read_flight_records(folder.path()).empty());
  EXPECT_TRUE(read_flight_records(folder / "nowhere").empty());
}

TEST(ExplainStall, NamesTheDeadRankAndWhatItNeverEntered) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kTerminated, false, {group("data", 6, 7, 8)}),
                           rank_with(1, RankState::kRunning, false, {group("data", 6, 6, 6, "broadcast(root 0)")}),
                           rank_with(2, RankState::kTerminated, false, {group("data", 6, 6, 6)})}),
            "rank 1 died and never entered all_reduce(sum) of 9 Float #7, where rank 0 waited; its last was "
            "broadcast(root 0) #6");
}

TEST(ExplainStall, SaysOnWhichNodesTheyAre) {
  RecordedRank waiting = rank_with(0, RankState::kFailed, true, {group("data", 6, 7, 7)});
  RecordedRank hung = rank_with(1, RankState::kRunning, true, {group("data", 6, 6, 6)});
  waiting.node = "node1";
  hung.node = "node2";
  EXPECT_THAT(explain_stall({waiting, hung}),
              StartsWith("rank 1 on node2 never entered all_reduce(sum) of 9 Float #7, where rank 0 on node1 waited"));
  waiting.groups[0].ended = 7;
  hung.state = RankState::kRunning;
  hung.lives = false;
  EXPECT_EQ(explain_stall({waiting, hung}), "rank 1 on node2 died outside of any collective");
}

TEST(ExplainStall, NamesALivingRankThatOthersWaitForAndNotOneThatWaitsItself) {
  EXPECT_THAT(
      explain_stall({rank_with(0, RankState::kFailed, true, {group("control", -1, -1, -1), group("data", 6, 7, 7)}),
                     rank_with(1, RankState::kRunning, true, {group("control", -1, 0, 0), group("data", 6, 6, 6)}),
                     rank_with(2, RankState::kRunning, true, {group("control", -1, -1, -1), group("data", 6, 6, 6)})}),
      StartsWith("rank 2 never entered"));
}

TEST(ExplainStall, TakesWhatWasCalledButNotYetBegunAsEntered) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kFailed, true, {group("data", 6, 7, 7)}),
                           rank_with(1, RankState::kRunning, true, {group("data", 5, 6, 7)})}),
            "");
}

TEST(ExplainStall, ComparesNoNumbersOfDifferentCommunicators) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kFailed, true, {group("data/0:0", 6, 7, 7)}),
                           rank_with(1, RankState::kRunning, true, {group("data/0:1", 1, 1, 1)})}),
            "");
}

TEST(ExplainStall, SaysWhereARankDiedThatHadEntered) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kTerminated, false, {group("data", 6, 7, 7)}),
                           rank_with(1, RankState::kRunning, false, {group("data", 6, 7, 7)})}),
            "rank 1 died in all_reduce(sum) of 9 Float #7");
}

TEST(ExplainStall, SaysWhichExchangeADeadRankNeverCameTo) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kTerminated, false, {group("data", 2, 2, 2), exchanges(3, 4)}),
                           rank_with(1, RankState::kRunning, false, {group("data", 2, 2, 2), exchanges(3, 3)})}),
            "rank 1 died and never came to exchange(receives 3 Float from rank 1) #4 of rank 0");
}

TEST(ExplainStall, BlamesNobodyWhenAllWereToldToEnd) {
  EXPECT_EQ(explain_stall({rank_with(0, RankState::kTerminated, false, {group("data", 6, 7, 7)}),
                           rank_with(1, RankState::kTerminated, false, {group("data", 6, 6, 6)})}),
            "");
  EXPECT_EQ(explain_stall({}), "");
}

TEST(ClaimFailure, IsForTheFirstAndKeepsItsLine) {
  const testing::TemporaryFolder folder;
  EXPECT_TRUE(claim_failure(folder.path(), "rank 1 died"));
  EXPECT_FALSE(claim_failure(folder.path(), "rank 0 gave up"));
  EXPECT_EQ(read_file(folder / "failure.txt"), "rank 1 died\n");
  EXPECT_TRUE(claim_failure(folder / "nowhere", "said rather twice than never"));
}

}  // namespace
}  // namespace trainyard::core
