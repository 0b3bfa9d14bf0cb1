#include "report/plots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report report_of(std::vector<RunSummary> runs) {
  Report report;
  report.runs = std::move(runs);
  report.scaling = find_scaling(report.runs);
  return report;
}

TEST(Plots, AreEmptyWithoutAnythingToShow) {
  const Report report = report_of({RunSummary{}});
  EXPECT_TRUE(speedup_plot(report).empty());
  EXPECT_TRUE(phases_plot(report).empty());
  EXPECT_TRUE(throughput_plot(report).empty());
  EXPECT_TRUE(communication_plot(report).empty());
  EXPECT_TRUE(loss_plot(report).empty());
  EXPECT_TRUE(accuracy_plot(report).empty());
}

TEST(SpeedupPlot, DrawsTheIdealAndEachPoint) {
  const Plot plot =
      speedup_plot(report_of({testing::sample_summary("one", 1, 100), testing::sample_summary("two", 2, 190)}));
  EXPECT_THAT(plot.wide, HasSubstr("class=\"ideal\""));
  EXPECT_THAT(plot.wide, HasSubstr("two: 1.90x on 2 devices, efficiency 95.0 %"));
  EXPECT_THAT(plot.wide, HasSubstr("role=\"img\""));
  EXPECT_THAT(plot.narrow, HasSubstr("viewBox=\"0 0 360 "));
  ASSERT_EQ(plot.legend.size(), 1U);
  EXPECT_THAT(plot.legend[0].name, HasSubstr("weak scaling"));
}

TEST(SpeedupPlot, StaysFiniteForManyRanksAndPoorSpeedups) {
  const Plot plot =
      speedup_plot(report_of({testing::sample_summary("one", 1, 100), testing::sample_summary("many", 64, 0.001)}));
  EXPECT_THAT(plot.wide, Not(HasSubstr("nan")));
  EXPECT_THAT(plot.wide, Not(HasSubstr("inf")));
}

TEST(PhasesPlot, KeepsToThePhasesThatAreThere) {
  const Plot plot = phases_plot(report_of({testing::sample_summary("one", 1, 100)}));
  ASSERT_EQ(plot.legend.size(), 1U);
  EXPECT_EQ(plot.legend[0].name, "backward");
  EXPECT_THAT(plot.wide, HasSubstr("one: backward 100.0 %"));
}

TEST(TablePlot, NamesBarsByWhatTellsRowsApart) {
  Table table{"Times",
              {{"model", "model"},
               {"approach", "approach"},
               {"devices", "devices", Format::kCount},
               {"epoch_ns", "epoch", Format::kDuration},
               {"step_ns", "step", Format::kDuration}},
              {{std::string("resnet18"), std::string("single"), std::int64_t{1}, 7e9, 2e6},
               {std::string("resnet18"), std::string("DDP"), std::int64_t{2}, 8e9, 3e6},
               {std::string("resnet18"), std::string("DP"), std::int64_t{2}, 9e9, Cell()}},
              "step_ns"};
  const Plot plot = table_plot(table, "times");
  EXPECT_THAT(plot.wide, HasSubstr("DDP, devices 2: 3.00 ms"));
  EXPECT_THAT(plot.wide, Not(HasSubstr("resnet18")));
  EXPECT_THAT(plot.wide, Not(HasSubstr("DP, devices 2: 0"))) << "a row without the figure has no bar";
  table.drawn.clear();
  EXPECT_TRUE(table_plot(table, "times").empty());
}

TEST(TimelinePlot, DrawsAFewStepsOfEachRankAndTheirMeans) {
  std::vector<RankLog> logs{testing::sample_log(0, 2, std::vector<std::int64_t>(20, 1000)),
                            testing::sample_log(1, 2, std::vector<std::int64_t>(20, 1000))};
  for (RankLog& log : logs) {
    for (std::int64_t step = 0; step < 20; ++step)
      log.steps.start_ns.push_back(step * 1000);
  }
  const RunSummary run = summarize(testing::sample_run(logs));
  const Plot plot = timeline_plot(run, "timeline");
  EXPECT_THAT(plot.wide, HasSubstr("rank 1, step 12: backward 1.00 us"));
  EXPECT_THAT(plot.wide, Not(HasSubstr("step 9:"))) << "that is warm-up";
  EXPECT_THAT(plot.wide, Not(HasSubstr("step 13:")));
  EXPECT_EQ(plot.legend.size(), 1U);
  const Table table = timeline_table(run);
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[1][2], Cell(1000.0));
  EXPECT_TRUE(timeline_plot(testing::sample_summary("no times", 1, 1), "timeline").empty());
}

TEST(MemoryPlot, StacksTheCategoriesOfTheFullestRank) {
  RunSummary run = testing::sample_summary("run", 1, 100);
  run.memory = {{0, 3 << 20, {1 << 20, 1 << 20, 0, 1 << 20, 0, 0}, {}}};
  EXPECT_THAT(memory_plot(report_of({run})).wide, HasSubstr("run: activations 1.00 MiB"));
  EXPECT_TRUE(memory_plot(report_of({testing::sample_summary("none", 1, 1)})).empty());
}

TEST(Plots, EscapeNames) {
  const Plot plot = throughput_plot(report_of({testing::sample_summary("</svg><script>", 1, 100)}));
  EXPECT_THAT(plot.wide, Not(HasSubstr("<script>")));
  EXPECT_THAT(plot.wide, HasSubstr("&lt;script&gt;"));
}

}  // namespace
}  // namespace trainyard::report
