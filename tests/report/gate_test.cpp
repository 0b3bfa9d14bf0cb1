#include "report/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "report/sample_runs.h"
#include "support/temporary_folder.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;

Report sample_report() {
  Report report;
  for (const double rate : {90.0, 110.0}) {
    RunSummary run = testing::sample_summary("run/" + std::to_string(rate), 1, rate);
    run.attributes.run = "resnet";
    report.runs.push_back(run);
  }
  return report;
}

std::vector<Check> check(const Reference& reference) {
  return check_against({reference}, sample_report());
}

TEST(CheckAgainst, ComparesTheMeanOfTheRunsOfAName) {
  const auto passed = [](double target, std::optional<double> lower, std::optional<double> upper) {
    const auto checks = check({"resnet", "images_per_second", target, lower, upper, "images/s"});
    EXPECT_EQ(checks.at(0).value, 100);
    return checks.at(0).passed;
  };
  EXPECT_TRUE(passed(100, -0.05, 0.05));
  EXPECT_TRUE(passed(104, -0.05, std::nullopt));
  EXPECT_FALSE(passed(110, -0.05, std::nullopt)) << "slower than wanted";
  EXPECT_FALSE(passed(90, std::nullopt, 0.05));
  EXPECT_TRUE(passed(1, std::nullopt, std::nullopt)) << "without bounds nothing fails";
}

TEST(CheckAgainst, ConvertsUnits) {
  const auto checks = check({"resnet", "step_median_ns", 100, -0.01, 0.01, "ms"});
  EXPECT_DOUBLE_EQ(checks.at(0).value.value(), 100);
  EXPECT_TRUE(checks.at(0).passed);
  EXPECT_TRUE(check({"resnet", "phases.backward", 100, -0.01, 0.01, "%"}).at(0).passed);
  EXPECT_THROW(check({"resnet", "step_median_ns", 1, -0.1, 0.1, "images/s"}), core::UsageError);
}

TEST(CheckAgainst, FailsWhereThereIsNothing) {
  EXPECT_FALSE(check({"other", "images_per_second", 1, std::nullopt, std::nullopt, "images/s"}).at(0).passed);
  EXPECT_THAT(check({"other", "images_per_second", 1, {}, {}, "images/s"}).at(0).message, HasSubstr("no such run"));
  EXPECT_FALSE(check({"resnet", "bus_bandwidth", 1, {}, {}, "GB/s"}).at(0).passed) << "its logs do not say";
  EXPECT_THROW(check({"resnet", "imgs_per_second", 1, {}, {}, "1"}), core::UsageError);
}

TEST(ToJunit, NamesTheFailures) {
  const std::string xml = to_junit(check({"resnet", "images_per_second", 200, -0.05, std::nullopt, "images/s"}));
  EXPECT_THAT(xml, HasSubstr("tests=\"1\" failures=\"1\""));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"resnet\" name=\"images_per_second\""));
  EXPECT_THAT(xml, HasSubstr("<failure message=\"100.00 images/s against 200.00 images/s, below 190.00 images/s\"/>"));
}

std::string refusal(const std::string& content) {
  const trainyard::testing::TemporaryFolder folder;
  const std::filesystem::path path = folder / "reference.json";
  std::ofstream(path) << content;
  try {
    read_references(path);
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(ReadReferences, RefusesWhatIsNotOfTheForm) {
  EXPECT_EQ(refusal(R"({"runs": {"a": {"images_per_second": [100, -0.05, null, "images/s"]}}})"), "");
  EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("not of the form"));
  EXPECT_THAT(refusal(R"({"runs": {}})"), HasSubstr("no reference"));
  EXPECT_THAT(refusal(R"({"runs": {"a": 3}})"), HasSubstr("a: not an object"));
  EXPECT_THAT(refusal(R"({"runs": {"a": {"f": [1, 2]}}})"), HasSubstr("a: f: not of the form"));
  EXPECT_THAT(refusal(R"({"runs": {"a": {"f": [1, 0.1, 0.2, "1"]}}})"), HasSubstr("lower at most 0"));
  EXPECT_THAT(refusal(R"({"runs": {"a": {"f": [1, "x", 0.2, "1"]}}})"), HasSubstr("lower is neither"));
}

}  // namespace
}  // namespace trainyard::report
