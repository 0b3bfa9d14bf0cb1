#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::SizeIs;

RunSummary waiting_run(std::int64_t ranks, double exposed_ns) {
  RunSummary run = testing::sample_summary("run", ranks, 100);
  run.phase_ns[static_cast<std::size_t>(Phase::kExposedComm)] = exposed_ns;
  return run;
}

TEST(CommunicationTable, LeavesOutRunsOnOneDevice) {
  Report report;
  report.runs = {waiting_run(1, 8'000), waiting_run(2, 8'000)};
  const Table table = communication_table(report);
  ASSERT_THAT(table.rows, SizeIs(1)) << "one device waits some microseconds for nobody";
  EXPECT_EQ(std::get<std::int64_t>(table.rows[0][1]), 2);
}

TEST(CommunicationTable, AllIsAtLeastWhatIsExposed) {
  Report report;
  report.runs = {waiting_run(2, 8'000)};
  report.runs[0].comm_ns = 300;  // a pipeline's, whose exchanges are not among it
  EXPECT_EQ(std::get<double>(communication_table(report).rows.at(0)[2]), 8'000);
  report.runs[0].comm_ns = 10'000;
  EXPECT_EQ(std::get<double>(communication_table(report).rows.at(0)[2]), 10'000);
}

TEST(ScalingModelTable, ClaimsNoErrorOfAModelThatGoesThroughBothPoints) {
  Report report;
  ScalingModel model;
  model.points = {{.ranks = 1, .measured_ns = 10}, {.ranks = 2, .measured_ns = 12}, {.ranks = 4}};
  report.scaling_models = {model};
  EXPECT_TRUE(std::holds_alternative<std::monostate>(scaling_model_table(report).rows.at(0).back()));
  model.points[2].measured_ns = 13;
  report.scaling_models = {model};
  EXPECT_TRUE(std::holds_alternative<double>(scaling_model_table(report).rows.at(0).back()));
}

}  // namespace
}  // namespace trainyard::report
