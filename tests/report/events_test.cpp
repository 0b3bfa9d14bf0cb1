#include "report/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::SizeIs;

constexpr std::int64_t kBegan = 1'700'000'000'000'000'000;

/// Two starts, the second 60 s after the first.
Run run_with_events() {
  const std::vector<std::int64_t> steps(20, 100'000'000);
  Run run{"results/run/1", {}};
  for (const std::int64_t restart : {0, 1}) {
    run.starts.push_back({restart, {testing::sample_log(0, 1, steps, restart * 20)}});
    run.starts.back().ranks[0].attributes.epoch_unix_ns = kBegan + restart * 60'000'000'000;
  }
  run.starts[0].ranks[0].events = {{5'000'000'000, "checkpoint", "step 10"}, {9'000'000'000, "signal", "USR2"}};
  run.starts[1].ranks[0].events = {{1'000'000'000, "restart", "goes on"}, {5'000'000'000, "checkpoint", "step\n30"}};
  return run;
}

TEST(EventsOf, CountTheirTimeFromTheFirstStart) {
  const std::vector<RunEvent> events = events_of(run_with_events());
  ASSERT_THAT(events, SizeIs(4));
  EXPECT_EQ(events[1].after_ns, 9e9);
  EXPECT_EQ(events[2].after_ns, 61e9);
  EXPECT_EQ(events[3].restart, 1);
  EXPECT_EQ(events[3].text, "step 30") << "on one line";
}

TEST(EventsOf, CountFromTheirOwnStartWhereTheLogDoesNotDateIt) {
  auto run = run_with_events();
  run.starts[1].ranks[0].attributes.epoch_unix_ns = 0;
  EXPECT_EQ(events_of(run)[2].after_ns, 1e9);
}

TEST(EventsTable, HasARowForEachKind) {
  Report report;
  report.runs = {summarize(run_with_events())};
  const Table table = events_table(report);
  ASSERT_THAT(table.rows, SizeIs(3));
  EXPECT_EQ(std::get<std::string>(table.rows[0][1]), "checkpoint");
  EXPECT_EQ(std::get<std::int64_t>(table.rows[0][2]), 2);
  EXPECT_EQ(std::get<double>(table.rows[0][3]), 5e9);
  EXPECT_EQ(std::get<double>(table.rows[0][4]), 65e9);
  EXPECT_EQ(std::get<std::string>(table.rows[0][5]), "step 30");
}

}  // namespace
}  // namespace trainyard::report
