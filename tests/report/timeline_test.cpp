#include "report/timeline.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using testing::sample_log;

TEST(TimelineOf, PutsRanksOnOneClock) {
  RankLog first = sample_log(0, 2, {10, 10});
  RankLog second = sample_log(1, 2, {10, 10});
  first.steps.start_ns = {100, 110};
  second.steps.start_ns = {600, 610};
  second.attributes.clock_offset_ns = 500;
  second.events = {{.time_ns = 605, .kind = "signal", .text = "USR2\x1b"}};
  const Timeline timeline = timeline_of(testing::sample_run({first, second}));
  ASSERT_EQ(timeline.tracks.size(), 2U);
  EXPECT_EQ(timeline.tracks[1].steps[1].start_ns, 110);
  EXPECT_EQ(timeline.tracks[1].steps[1].phase_ns[static_cast<std::size_t>(Phase::kBackward)], 10);
  ASSERT_EQ(timeline.tracks[1].events.size(), 1U);
  EXPECT_EQ(timeline.tracks[1].events[0].time_ns, 105);
  EXPECT_EQ(timeline.tracks[1].events[0].text, "USR2\xEF\xBF\xBD");
}

TEST(TimelineOf, LeavesOutWhatDoesNotSayWhenItWas) {
  RankLog log = sample_log(0, 1, {10, 10, 10});
  EXPECT_TRUE(timeline_of(testing::sample_run({log})).empty());
  log.steps.start_ns = {5, INT64_MAX, 25};
  EXPECT_EQ(timeline_of(testing::sample_run({log})).tracks.at(0).steps.size(), 2U);
}

TEST(TimelineOf, KeepsFewStepsOfManyRanks) {
  std::vector<RankLog> logs;
  for (std::int64_t rank = 0; rank < 1024; ++rank) {
    logs.push_back(sample_log(rank, 1024, std::vector<std::int64_t>(512, 10)));
    logs.back().steps.start_ns.assign(512, 0);
  }
  const Timeline timeline = timeline_of(testing::sample_run(std::move(logs)));
  EXPECT_EQ(timeline.tracks.size(), 1024U);
  EXPECT_EQ(timeline.tracks.back().steps.size(), kMostTimelineSteps / 1024);
}

}  // namespace
}  // namespace trainyard::report
