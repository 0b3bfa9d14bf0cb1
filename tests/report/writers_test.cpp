#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "report/latex_writer.h"
#include "report/markdown_writer.h"
#include "report/mlperf_writer.h"
#include "report/sample_runs.h"
#include "report/trace_writer.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report hostile_report() {
  Report report;
  report.runs = {testing::sample_summary("a|b_<script>\\end{table}%$", 1, 100)};
  report.groups = find_groups(report.runs);
  return report;
}

TEST(ToMarkdown, EscapesAndKeepsTheColumnsOfATable) {
  const std::string page = to_markdown(hostile_report());
  EXPECT_THAT(page, HasSubstr("a\\|b\\_&lt;script\\>\\\\end{table}%$"));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, HasSubstr("## Where a step goes"));
  EXPECT_THAT(page, HasSubstr("| ---: |"));
}

TEST(ToLatex, EscapesAndClosesWhatItOpens) {
  const std::string page = to_latex(hostile_report());
  EXPECT_THAT(page, HasSubstr("a|b\\_\\textless{}script\\textgreater{}\\textbackslash{}end\\{table\\}\\%\\$"));
  EXPECT_THAT(page, HasSubstr("\\label{tab:runs-1}"));
  const auto count = [&page](const std::string& word) {
    std::size_t found = 0;
    for (std::size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(count("\\begin{tabular}"), count("\\end{tabular}"));
  EXPECT_EQ(count("\\begin{table}"), count("\\bottomrule"));
  for (const char c : page)
    EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

/// A run of two ranks whose steps begin at 1000 and 1100 ns, with phases that do not fit the second one.
RunSummary traced_run() {
  std::vector<RankLog> logs{testing::sample_log(0, 2, {100, 50}), testing::sample_log(1, 2, {100, 50})};
  for (RankLog& log : logs) {
    log.steps.start_ns = {1000, 1100};
    testing::phase_of(log, Phase::kData) = {30, 30};
    testing::phase_of(log, Phase::kBackward) = {70, 70};
  }
  logs[1].events = {{.time_ns = 1050, .kind = "signal", .text = "\"USR2\""}};
  return summarize(testing::sample_run(std::move(logs)));
}

TEST(ToTrace, HasATrackARankWithPhasesInsideTheirSteps) {
  const auto trace = nlohmann::json::parse(to_trace(traced_run()));
  std::map<int, std::int64_t> end_of_step;
  std::map<int, int> slices;
  int instants = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "i") {
      ++instants;
      EXPECT_EQ(event["name"], "signal");
      EXPECT_EQ(event["args"]["text"], "\"USR2\"");
      EXPECT_DOUBLE_EQ(event["ts"].get<double>(), 0.05);
    }
    if (event["ph"] != "X") continue;
    const int rank = event["tid"].get<int>();
    const auto begin = static_cast<std::int64_t>(event["ts"].get<double>() * 1000 + 0.5);
    const auto end = begin + static_cast<std::int64_t>(event["dur"].get<double>() * 1000 + 0.5);
    ++slices[rank];
    if (event["name"] == "step") end_of_step[rank] = end;
    EXPECT_LE(end, end_of_step[rank]);
  }
  EXPECT_EQ(slices, (std::map<int, int>{{0, 6}, {1, 6}}));
  EXPECT_EQ(instants, 1);
  EXPECT_EQ(to_trace(testing::sample_summary("no times", 1, 1)), "");
}

TEST(ToMlperf, WritesALineForEachEvent) {
  RankLog log = testing::sample_log(0, 1, {100, 50});
  log.attributes.epoch_unix_ns = 1'700'000'000'000'000'000;
  log.attributes.config = "seed = 7\nlr = 0.5\n";
  log.epochs = {{.epoch = 0, .start_ns = 1'000'000'000, .duration_ns = 2'000'000'000, .val_accuracy = 0.5},
                {.epoch = 1, .start_ns = INT64_MAX, .duration_ns = INT64_MAX, .val_accuracy = NAN}};
  std::istringstream lines(to_mlperf(summarize(testing::sample_run({log}))));
  std::vector<std::string> keys;
  for (std::string line; std::getline(lines, line);) {
    ASSERT_THAT(line, ::testing::StartsWith(":::MLLOG {"));
    const auto entry = nlohmann::json::parse(line.substr(9));
    keys.push_back(entry["key"]);
    for (const char* field : {"namespace", "time_ms", "event_type", "key", "value", "metadata"})
      EXPECT_TRUE(entry.contains(field)) << field;
    if (entry["key"] == "seed") {
      EXPECT_EQ(entry["value"], 7);
    }
    if (entry["key"] == "eval_accuracy") {
      EXPECT_EQ(entry["time_ms"], 1'700'000'003'000);
      EXPECT_EQ(entry["metadata"]["epoch_num"], 1);
    }
  }
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "epoch_start"), 2);
  EXPECT_EQ(std::count(keys.begin(), keys.end(), "eval_accuracy"), 1);
  EXPECT_EQ(keys.back(), "run_stop");
}

}  // namespace
}  // namespace trainyard::report
