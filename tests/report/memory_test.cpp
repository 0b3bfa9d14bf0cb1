#include "report/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "report/report.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::ElementsAre;

log::MemoryRow traced(std::int64_t peak, std::int64_t activations) {
  log::MemoryRow row;
  row.peak_bytes = peak;
  row.parameters_bytes = 10;
  row.gradients_bytes = 20;
  row.optimizer_bytes = 30;
  row.activations_bytes = activations;
  row.workspace_bytes = 7;
  row.other_bytes = 5;
  return row;
}

log::MemoryRow untraced(std::int64_t peak) {
  log::MemoryRow row;
  row.peak_bytes = peak;
  return row;
}

Start start_of(std::vector<std::vector<log::MemoryRow>> rows) {
  Start start;
  for (auto& of_rank : rows) {
    start.ranks.push_back(testing::sample_log(std::ssize(start.ranks), std::ssize(rows), {1, 2}));
    start.ranks.back().memory = std::move(of_rank);
  }
  return start;
}

TEST(MemoryOf, TakesTheHighestPeakAndTheFullestTracedStepOfEachRank) {
  const auto ranks = memory_of(start_of({{traced(100, 35), traced(120, 55), untraced(500), traced(110, 45)}, {}}));
  ASSERT_EQ(ranks.size(), 1U) << "a rank that says nothing is left out";
  EXPECT_EQ(ranks[0].rank, 0);
  EXPECT_EQ(ranks[0].peak_bytes, 500);
  EXPECT_THAT(ranks[0].category_bytes, ElementsAre(10, 20, 30, 55, 7, 5));
}

TEST(MemoryOf, AnOlderLogHasTheWorkspaceInItsActivations) {
  log::MemoryRow row = traced(100, 35);
  row.workspace_bytes = -1;
  EXPECT_THAT(memory_of(start_of({{row}})).at(0).category_bytes, ElementsAre(10, 20, 30, 35, std::nullopt, 5));
}

TEST(MemoryOf, KnowsThePeakOfEachPhaseAndWhatItWas) {
  log::MemoryRow row = traced(120, 55);
  row.forward_peak_bytes = 100;
  row.backward_peak_bytes = 120;
  row.optimizer_peak_bytes = 40;
  const auto ranks = memory_of(start_of({{traced(100, 35), row}}));
  ASSERT_EQ(ranks.size(), 1U);
  EXPECT_THAT(ranks[0].phase_bytes, ElementsAre(100, 120, 40));
  const auto bytes_in = [&ranks](std::size_t phase) {
    std::vector<std::int64_t> bytes;
    for (const MemoryPart& part : memory_parts(ranks[0], phase))
      bytes.push_back(part.bytes);
    return bytes;
  };
  EXPECT_THAT(bytes_in(1), ElementsAre(10, 20, 30, 60)) << "parameters, gradients, optimizer, the rest";
  EXPECT_THAT(bytes_in(2), ElementsAre(10, 20, 10, 0)) << "a phase that holds less than stays from step to step";
  EXPECT_THAT(memory_parts(RankMemory{}, 0), ::testing::IsEmpty());
}

TEST(MemoryOf, UnknownAndImpossibleBytesAreNothing) {
  log::MemoryRow row = traced(-1, std::numeric_limits<std::int64_t>::max());
  const auto ranks = memory_of(start_of({{row, untraced(7)}}));
  ASSERT_EQ(ranks.size(), 1U);
  EXPECT_EQ(ranks[0].peak_bytes, 7);
  EXPECT_THAT(ranks[0].category_bytes, ::testing::Each(std::nullopt));
}

Report report_of(std::vector<std::vector<log::MemoryRow>> rows) {
  Report report;
  report.runs.push_back(summarize(testing::sample_run(start_of(std::move(rows)).ranks)));
  return report;
}

TEST(MemoryTable, HasALineForEachRank) {
  const Table table = memory_table(report_of({{traced(100, 35)}, {traced(200, 135)}}));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(table.rows[1][1]), 1);
  EXPECT_EQ(std::get<std::int64_t>(table.rows[1][2]), 200);
  EXPECT_EQ(table.columns[6].id, "activations_bytes");
  EXPECT_EQ(std::get<std::int64_t>(table.rows[1][6]), 135);
}

TEST(MemoryTable, OfManyRanksShowsThoseWithTheHighestAndTheLowestPeak) {
  std::vector<std::vector<log::MemoryRow>> rows;
  for (const std::int64_t peak : {50, 70, 20, 90, 60, 30, 80, 10, 40})
    rows.push_back({traced(peak, 1)});
  const Table table = memory_table(report_of(rows));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(table.rows[0][1]), 3);
  EXPECT_EQ(std::get<std::int64_t>(table.rows[1][1]), 7);
}

TEST(MemoryTable, TheFlatTableTakesTheRankWithTheHighestPeak) {
  const Table table = flat_table(report_of({{traced(100, 35)}, {traced(200, 135)}}));
  const auto value_of = [&](const char* id) {
    const auto column = std::ranges::find(table.columns, id, &Column::id);
    return std::get<std::int64_t>(table.rows[0][static_cast<std::size_t>(column - table.columns.begin())]);
  };
  EXPECT_EQ(value_of("peak_bytes"), 200);
  EXPECT_EQ(value_of("activations_bytes"), 135);
}

}  // namespace
}  // namespace trainyard::report
