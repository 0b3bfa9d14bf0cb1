#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/html_writer.h"
#include "report/json_writer.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kHostile = "\"><script>alert(1)</script><img src=x onerror=alert(2)>&'\xFF";

Report hostile_report() {
  std::vector<RankLog> logs{testing::sample_log(0, 2, {100, 100}), testing::sample_log(1, 2, {100, 100})};
  for (RankLog& log : logs) {
    for (const log::AttributeField& field : log::attribute_fields()) {
      if (const auto* text = std::get_if<std::string log::RunAttributes::*>(&field.member)) {
        log.attributes.*(*text) = kHostile;
      }
    }
    log.attributes.config = fmt::format("{0} = {0}", kHostile);
    log.epochs = {{.epoch = 0, .duration_ns = 5, .val_accuracy = 0.5}};
  }
  Collection collection;
  collection.runs = {testing::sample_run(std::move(logs))};
  collection.runs[0].folder = kHostile;
  collection.problems = {{kHostile, kHostile}};
  collection.log_files = 3;
  return make_report(std::move(collection));
}

TEST(ToHtml, LeavesHostileTextWithoutEffect) {
  const std::string html = to_html(hostile_report());
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<img")));
  EXPECT_THAT(html, Not(HasSubstr("\xFF")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;"));
}

TEST(ToHtml, LoadsNothing) {
  const std::string html = to_html(hostile_report());
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
  EXPECT_THAT(html, Not(HasSubstr("url(")));
  EXPECT_THAT(html, Not(HasSubstr(" src=\"")));
  EXPECT_THAT(html, Not(HasSubstr("href=\"http")));
}

TEST(ToHtml, IsTheSameForTheSameReport) {
  EXPECT_EQ(to_html(hostile_report()), to_html(hostile_report()));
}

TEST(ToJson, IsValidForHostileText) {
  const auto json = nlohmann::json::parse(to_json(hostile_report()));
  ASSERT_EQ(json["runs"].size(), 1U);
  const auto& run = json["runs"][0];
  EXPECT_EQ(run["ranks"], 2);
  EXPECT_DOUBLE_EQ(run["phases"]["backward"].get<double>(), 1.0);
  EXPECT_TRUE(run["speedup"].is_null());
  EXPECT_EQ(json["problems"].size(), 1U);
}

TEST(ToHtml, ExplainsTheAsteriskOnlyWhereThereIsOne) {
  Report report;
  report.runs = {testing::sample_summary("one", 1, 100)};
  EXPECT_THAT(to_html(report), Not(HasSubstr("An asterisk")));
  report.runs[0].attributes.precision_note = "computed in fp32";
  EXPECT_THAT(to_html(report), HasSubstr("An asterisk"));
}

TEST(ScalingNotes, NameDifferentThreadsOnTheProcessor) {
  Report report;
  report.runs = {testing::sample_summary("one", 1, 100), testing::sample_summary("two", 2, 190)};
  report.scaling = find_scaling(report.runs);
  report.runs[0].attributes.threads = 2;
  report.runs[1].attributes.threads = 2;
  EXPECT_TRUE(scaling_notes(report).empty());
  report.runs[1].attributes.threads = 1;
  EXPECT_THAT(to_html(report), HasSubstr("two against one: 1 and 2 threads a rank"));
  report.runs[1].attributes.device = "cuda";
  EXPECT_TRUE(scaling_notes(report).empty());
}

}  // namespace
}  // namespace trainyard::report
