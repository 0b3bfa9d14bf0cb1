#include "report/limit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;

/// A run whose mean step of 100 ms is `share` of `phase`, the rest forward and backward.
RunSummary run_with(Phase phase, double share) {
  RunSummary run = testing::sample_summary("run", 4, 100);
  run.phase_ns = {};
  run.phase_ns[static_cast<std::size_t>(phase)] = share * 100e6;
  run.phase_ns[static_cast<std::size_t>(Phase::kBackward)] += (1 - share) * 100e6;
  run.step_mean_ns = 100e6;
  return run;
}

TEST(LimitOf, NamesTheLargestShareThatIsNotComputing) {
  EXPECT_EQ(limit_of(run_with(Phase::kData, 0.4)).id, "data");
  EXPECT_THAT(limit_of(run_with(Phase::kData, 0.4)).sentence, HasSubstr("waits for data 40.0 %"));
  EXPECT_EQ(limit_of(run_with(Phase::kTransfer, 0.3)).id, "transfer");
  EXPECT_EQ(limit_of(run_with(Phase::kExposedComm, 0.3)).id, "exposed_comm");
  EXPECT_EQ(limit_of(run_with(Phase::kIdle, 0.3)).id, "idle");
  EXPECT_EQ(limit_of(run_with(Phase::kData, 0.05)).id, "compute");
}

TEST(LimitOf, SpeaksOfCommunicationWhereThereAreSeveralDevices) {
  RunSummary run = run_with(Phase::kData, 0.05);
  run.comm_ns = 7'000;
  EXPECT_THAT(limit_of(run).sentence, HasSubstr("communication"));
  run.devices = 1;  // which waits some microseconds for nobody
  EXPECT_THAT(limit_of(run).sentence, ::testing::Not(HasSubstr("communication")));
}

TEST(LimitOf, BlamesALateRankForTheWaitingOfTheOthers) {
  RunSummary run = run_with(Phase::kExposedComm, 0.25);
  run.balance.stragglers = {{.rank = 3,
                             .node = "n2",
                             .cause = Phase::kData,
                             .persistent = true,
                             .late_share = 1.0,
                             .late_ns = 30e6,
                             .cost = 0.3}};
  EXPECT_EQ(limit_of(run).id, "straggler");
  EXPECT_THAT(limit_of(run).sentence,
              HasSubstr("Rank 3 on n2 limits it: in 100.0 % of the steps it is late by 30.0 ms"));
  EXPECT_THAT(limit_of(run).sentence, HasSubstr("in data"));
  run.balance.stragglers[0].cost = 0.06;  // most of the waiting has another cause
  EXPECT_EQ(limit_of(run).id, "exposed_comm");
}

TEST(LimitOf, TellsWanderingDelays) {
  RunSummary run = run_with(Phase::kExposedComm, 0.2);
  run.balance.stragglers = {{.rank = 0, .node = "", .cause = Phase::kBackward, .cost = 0.05}};
  run.balance.wandering_share = 0.5;
  run.balance.wandering_ns = 40e6;
  EXPECT_EQ(limit_of(run).id, "wandering-delays");
}

TEST(LimitOf, DoesNotGuessWithoutPhases) {
  RunSummary run = run_with(Phase::kData, 0.4);
  run.phase_ns = {};
  EXPECT_EQ(limit_of(run).id, "unknown");
  EXPECT_EQ(limit_of(RunSummary{}).id, "unknown");
}

}  // namespace
}  // namespace trainyard::report
