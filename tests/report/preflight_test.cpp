#include "report/preflight.h"

#include <gmock/gmock.h>

#include <fstream>
#include <string>

#include "core/error.h"
#include "report/report.h"
#include "support/fuzz.h"
#include "support/temporary_folder.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kText = R"({"schema": "trainyard-doctor/1", "job": "17_2", "ranks": 4, "nodes": 2,
  "backend": "nccl", "findings": [
    {"check": "ranks", "where": "all", "level": "ok", "text": "MPI has 4"},
    {"check": "space", "where": "n1", "level": "warning", "text": "little"},
    {"check": "cores", "where": "rank 0 n1", "level": "error", "text": "few"},
    {"check": "cores", "where": "rank 1 n1", "level": "error", "text": "few too"}],
  "all_reduce": [{"bytes": 4096, "time_us": 10, "busbw_gbps": 0.5}, {"bytes": 8192, "time_us": 10, "busbw_gbps": 80}]})";

class PreflightFile : public ::testing::Test {
 protected:
  Preflight read(const std::string& text) const {
    std::ofstream(folder_ / "doctor-1.json") << text;
    return read_preflight(folder_ / "doctor-1.json");
  }
  const trainyard::testing::TemporaryFolder folder_;
};

TEST_F(PreflightFile, SaysHowManyAndTheWorst) {
  const Preflight preflight = read(kText);
  EXPECT_EQ(preflight.job, "17_2");
  EXPECT_EQ(preflight.ranks, 4);
  EXPECT_EQ(preflight.errors, 2);
  EXPECT_EQ(preflight.warnings, 1);
  EXPECT_EQ(preflight.worst, "cores, rank 0 n1: few");
  ASSERT_THAT(preflight.sweep, SizeIs(2));
  EXPECT_EQ(preflight.sweep[1].bytes, 8192);
  EXPECT_EQ(preflight.sweep[1].bus_bandwidth, 80e9);
}

TEST_F(PreflightFile, IsOneLineOfATable) {
  Report report;
  report.preflights = {read(kText)};
  const Table table = preflight_table(report);
  ASSERT_THAT(table.rows, SizeIs(1));
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
  EXPECT_EQ(std::get<std::string>(table.rows[0].back()), "cores, rank 0 n1: few");
}

TEST_F(PreflightFile, OfSomethingElseIsNamed) {
  for (const char* text : {"", "[]", "{}", "{\"schema\": \"other\"}"}) {
    try {
      read(text);
      ADD_FAILURE() << text;
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("doctor-1.json: is not of tools/doctor"));
    }
  }
}

TEST_F(PreflightFile, DamagedIsReadOrRefused) {
  trainyard::testing::fuzz(
      {kText}, [this](const std::string& text) { read(text); }, trainyard::testing::fuzz_runs(500));
}

TEST(PreflightName, IsThatOfTheDoctor) {
  EXPECT_TRUE(is_preflight_name("doctor-17_2.json"));
  EXPECT_FALSE(is_preflight_name("report.json"));
  EXPECT_FALSE(is_preflight_name("doctor-17_2.json.tmp"));
}

}  // namespace
}  // namespace trainyard::report
