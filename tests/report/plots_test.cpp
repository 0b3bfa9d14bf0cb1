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

TEST(Plots, EscapeNames) {
  const Plot plot = throughput_plot(report_of({testing::sample_summary("</svg><script>", 1, 100)}));
  EXPECT_THAT(plot.wide, Not(HasSubstr("<script>")));
  EXPECT_THAT(plot.wide, HasSubstr("&lt;script&gt;"));
}

}  // namespace
}  // namespace trainyard::report
