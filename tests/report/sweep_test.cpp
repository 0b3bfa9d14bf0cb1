#include "report/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.h"
#include "report/sample_runs.h"
#include "report/section.h"

namespace trainyard::report {
namespace {

using ::testing::Contains;

constexpr double kKib = 1024;

Preflight sweep_of_four(const std::string& folder, const std::string& job, double largest) {
  Preflight preflight;
  preflight.folder = folder;
  preflight.job = job;
  preflight.ranks = 4;
  preflight.nodes = 4;
  preflight.backend = "mpi";
  preflight.sweep = {{4 * kKib, 1e8}, {16 * kKib, 4e8}, {64 * kKib, largest}};
  return preflight;
}

/// Four ranks on four nodes in results/run/1, job 1, with all-reduces and all-gathers of 16 KiB.
RunSummary run_of_four() {
  RunSummary run = testing::sample_summary("run", 4, 100);
  for (const auto op : {log::CollectiveOp::kAllReduce, log::CollectiveOp::kAllGather}) {
    SizeBandwidth size;
    size.op = op;
    size.mean_bytes = 16 * kKib;
    size.mean_ns = 1;
    size.bus_bandwidth = 3e8;
    run.bandwidth_by_size.push_back(size);
  }
  return run;
}

TEST(SweptBandwidth, IsInterpolatedAndEndsWithTheSweep) {
  const Preflight preflight = sweep_of_four("results", "", 1e9);
  EXPECT_EQ(swept_bandwidth(preflight, 2 * kKib), std::nullopt);
  EXPECT_DOUBLE_EQ(*swept_bandwidth(preflight, 4 * kKib), 1e8);
  EXPECT_DOUBLE_EQ(*swept_bandwidth(preflight, 8 * kKib), 2e8) << "halfway in logarithms";
  EXPECT_DOUBLE_EQ(*swept_bandwidth(preflight, 64 * kKib), 1e9);
  EXPECT_DOUBLE_EQ(*swept_bandwidth(preflight, 1 << 30), 1e9);
}

TEST(PreflightOf, IsThatOfTheJobOrElseTheNearestAbove) {
  const RunSummary run = run_of_four();
  const auto chosen = [&run](const std::vector<Preflight>& preflights) {
    const Preflight* preflight = preflight_of(run, preflights);
    return preflight == nullptr ? 0.0 : preflight->sweep.back().bus_bandwidth;
  };
  EXPECT_EQ(chosen({sweep_of_four("results", "", 1), sweep_of_four("results/run", "", 2)}), 2);
  EXPECT_EQ(chosen({sweep_of_four("elsewhere", "1", 3), sweep_of_four("results/run", "", 2)}), 3) << "the job's own";
  EXPECT_EQ(chosen({sweep_of_four("results/ru", "", 1)}), 0) << "a folder beside the run's";
}

TEST(PreflightOf, IsOfAsManyRanksAndNodesAndTheSameBackend) {
  const RunSummary run = run_of_four();
  Preflight other = sweep_of_four("results", "1", 1);
  other.ranks = 2;
  EXPECT_EQ(preflight_of(run, {other}), nullptr);
  other = sweep_of_four("results", "1", 1);
  other.nodes = 1;
  EXPECT_EQ(preflight_of(run, {other}), nullptr);
  other = sweep_of_four("results", "1", 1);
  other.backend = "nccl";
  EXPECT_EQ(preflight_of(run, {other}), nullptr);
}

TEST(CompareWithSweeps, PutsAllReducesAlone) {
  Report report;
  report.runs = {run_of_four()};
  EXPECT_EQ(bandwidth_table(report).columns.back().id, "bus_bandwidth") << "no column where there is no sweep";
  compare_with_sweeps(report.runs, {sweep_of_four("results", "", 1e9)});
  const Table table = bandwidth_table(report);
  ASSERT_EQ(table.columns.back().id, "of_swept");
  EXPECT_DOUBLE_EQ(std::get<double>(table.rows[0].back()), 0.75);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(table.rows[1].back())) << "an all-gather";
  for (const Section& section : sections_of(report)) {
    if (section.id != "communication") continue;
    EXPECT_THAT(section.notes, Contains(kSweepRule));
  }
}

TEST(BandwidthTable, ShowsNoSizeOfWhichOnlyTheLatencyCounts) {
  Report report;
  report.runs = {run_of_four()};
  report.runs[0].bandwidth_by_size[0].mean_bytes = 4 * kKib - 1;
  EXPECT_EQ(bandwidth_table(report).rows.size(), 1U);
}

}  // namespace
}  // namespace trainyard::report
