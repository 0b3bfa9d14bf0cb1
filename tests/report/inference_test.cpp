#include "report/inference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/html_writer.h"
#include "report/json_writer.h"
#include "report/report.h"
#include "report/sample_runs.h"
#include "report/text_writer.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

/// A run that measured a hundred batches of 4, which took 1 to 100 ms, and one of 1.
report::Run answering_run() {
  RankLog log = testing::sample_log(0, 1, {});
  log.attributes.engine = "int8";
  log.attributes.model_file_bytes = 1 << 20;
  for (std::int64_t batch = 0; batch < 100; ++batch)
    log.inference.push_back({.batch = batch, .duration_ns = (batch + 1) * 1'000'000, .samples = 4});
  log.inference.push_back({.batch = 100, .duration_ns = 500'000, .samples = 1});
  log.accuracy = {{.reference = 0, .samples = 200, .correct = 180}, {.reference = 1, .samples = 200, .correct = 182}};
  return testing::sample_run({log});
}

Report report_of(std::vector<report::Run> runs) {
  Collection collection;
  collection.log_files = runs.size();
  collection.runs = std::move(runs);
  return make_report(std::move(collection));
}

TEST(Inference, LatencyAndThroughputAreOfBatchesOfOneSize) {
  const InferenceSummary summary = summarize_inference(answering_run());
  ASSERT_EQ(summary.sizes.size(), 2U);
  EXPECT_EQ(summary.sizes[0].batch_size, 1);
  EXPECT_DOUBLE_EQ(summary.sizes[0].images_per_second, 2000.0);
  const BatchFigures& four = summary.sizes[1];
  EXPECT_EQ(four.batches, 100);
  EXPECT_DOUBLE_EQ(four.images_per_second, 400 / 5.05);
  EXPECT_NEAR(four.p50_ns, 50.5e6, 1.0);
  EXPECT_NEAR(four.p95_ns, 95.05e6, 1.0);
  EXPECT_NEAR(four.p99_ns, 99.01e6, 1.0);
}

TEST(Inference, WhatAnEngineCostsIsItsAccuracyLessThatOfFp32) {
  const Table table = inference_table(report_of({answering_run()}));
  ASSERT_EQ(table.rows.size(), 2U);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].id != "accuracy_cost") continue;
    EXPECT_NEAR(std::get<double>(table.rows[0][i]), 0.01, 1e-12);
  }
}

TEST(Inference, IsATableOfItsOwnBesideTraining) {
  const Report report = report_of({answering_run(), testing::sample_run({testing::sample_log(0, 1, {100, 100})})});
  EXPECT_EQ(report.runs.size(), 1U);
  EXPECT_EQ(report.inference.size(), 1U);
  for (const std::string& text : {to_text(report, {}), to_html(report)}) {
    EXPECT_THAT(text, HasSubstr("Inference"));
    EXPECT_THAT(text, HasSubstr("Where a step goes"));
  }
  const auto json = nlohmann::json::parse(to_json(report));
  EXPECT_EQ(json["runs"].size(), 1U);
  ASSERT_EQ(json["inference"].size(), 2U);
  EXPECT_EQ(json["inference"][0]["engine"], "int8");
  EXPECT_EQ(json["inference"][0]["model_file_bytes"], 1 << 20);
}

TEST(Inference, AloneLeavesTrainingsTablesOut) {
  const Report report = report_of({answering_run()});
  const std::string text = to_text(report, {});
  EXPECT_THAT(text, HasSubstr("1 run from 1 timing log\n"));
  for (const std::string& written : {text, to_html(report)}) {
    EXPECT_THAT(written, Not(HasSubstr("Where a step goes")));
    EXPECT_THAT(written, Not(HasSubstr("warm-up and are left out")));
  }
}

TEST(Inference, AnIncompleteRunSaysSo) {
  report::Run run = answering_run();
  run.starts.back().ranks.front().complete = false;
  EXPECT_THAT(to_text(report_of({std::move(run)}), {}), HasSubstr("incomplete"));
}

}  // namespace
}  // namespace trainyard::report
