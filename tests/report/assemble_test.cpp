#include "report/assemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LoadedLog loaded(std::int64_t rank, std::int64_t world_size, const std::string& folder = "results/run/1",
                 std::int64_t restart = 0) {
  LoadedLog result;
  result.log = testing::sample_log(rank, world_size, {1, 1, 1});
  result.log.attributes.restart = restart;
  result.file.folder = folder;
  result.file.path = folder + "/restart-00" + std::to_string(restart) + "/rank-0000" + std::to_string(rank) + ".h5";
  result.log.path = result.file.path;
  return result;
}

TEST(Assemble, GroupsByFolderStartAndRank) {
  const Collection collection = assemble({loaded(1, 2), loaded(0, 2, "results/run/1", 1), loaded(0, 2),
                                          loaded(1, 2, "results/run/1", 1), loaded(0, 1, "results/other/1")});
  EXPECT_THAT(collection.problems, IsEmpty());
  ASSERT_EQ(collection.runs.size(), 2U);
  EXPECT_EQ(collection.runs[0].folder, "results/other/1");
  const auto& run = collection.runs[1];
  ASSERT_EQ(run.starts.size(), 2U);
  EXPECT_EQ(run.starts[1].restart, 1);
  EXPECT_EQ(run.starts[0].ranks[0].attributes.rank, 0);
  EXPECT_EQ(run.starts[0].ranks[1].attributes.rank, 1);
}

TEST(Assemble, NamesMissingRanks) {
  const Collection collection = assemble({loaded(0, 8), loaded(2, 8), loaded(3, 8)});
  ASSERT_EQ(collection.problems.size(), 1U);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("5 of 8 ranks have no usable log: ranks 1, 4-7"));
}

TEST(Assemble, SurvivesAnAbsurdWorldSize) {
  LoadedLog log = loaded(0, 1);
  log.log.attributes.world_size = INT64_MAX;
  EXPECT_EQ(assemble({log}).problems.size(), 1U);
}

TEST(Assemble, LeavesOutALogOfAnotherRun) {
  LoadedLog stranger = loaded(1, 2);
  stranger.log.attributes.run = "stranger";
  stranger.log.path = "results/run/1/restart-000/rank-7.h5";
  const Collection collection = assemble({loaded(0, 2), stranger, loaded(1, 2)});
  ASSERT_EQ(collection.problems.size(), 1U);
  EXPECT_EQ(collection.problems[0].path, stranger.log.path);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("belongs to run 'stranger'"));
  EXPECT_EQ(collection.runs[0].starts[0].ranks.size(), 2U);
}

TEST(Assemble, LeavesOutALogOfAnotherConfigurationInTheSameStart) {
  LoadedLog other = loaded(2, 3);
  other.log.attributes.precision = "fp16";
  const Collection collection = assemble({loaded(0, 3), loaded(1, 3), other});
  ASSERT_EQ(collection.problems.size(), 2U);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("fp16"));
  EXPECT_THAT(collection.problems[1].what, HasSubstr("rank 2"));
}

TEST(Assemble, LetsARestartHaveOtherRanks) {
  EXPECT_THAT(assemble({loaded(0, 2), loaded(1, 2), loaded(0, 1, "results/run/1", 1)}).problems, IsEmpty());
}

TEST(Assemble, KeepsTheWellNamedOfTwoLogsOfARank) {
  LoadedLog copy = loaded(0, 1);
  copy.log.path = "results/run/1/restart-000/rank-00000 (copy).h5";
  const Collection collection = assemble({copy, loaded(0, 1)});
  ASSERT_EQ(collection.problems.size(), 1U);
  EXPECT_EQ(collection.problems[0].path, copy.log.path);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("already in results/run/1/restart-000/rank-00000.h5"));
}

TEST(Assemble, NamesCopiesInOtherFolders) {
  LoadedLog one = loaded(0, 1);
  LoadedLog copy = loaded(0, 1, "results/backup");
  one.log.attributes.epoch_unix_ns = copy.log.attributes.epoch_unix_ns = 17;
  const Collection collection = assemble({copy, one});
  EXPECT_EQ(collection.runs.size(), 1U);
  ASSERT_EQ(collection.problems.size(), 1U);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("a copy of the log"));

  one.log.attributes.epoch_unix_ns = 18;  // a repeat, not a copy
  EXPECT_EQ(assemble({copy, one}).runs.size(), 2U);
}

TEST(FormatRanges, Joins) {
  EXPECT_EQ(format_ranges(std::vector<std::int64_t>{0, 1, 2, 5, 7, 8}), "0-2, 5, 7-8");
  EXPECT_EQ(format_ranges({}), "");
}

TEST(Assemble, DoesNotJoinStartsOfDifferentConfigurations) {
  LoadedLog other = loaded(0, 1, "results/run/1", 1);
  other.log.attributes.config_digest = "b";
  LoadedLog again = loaded(0, 1, "results/run/1", 2);
  again.log.attributes.config_digest = "b";
  const Collection collection = assemble({loaded(0, 1), other, again});
  ASSERT_EQ(collection.runs.size(), 2U);
  EXPECT_EQ(collection.runs[0].folder, "results/run/1/restart-000");
  EXPECT_EQ(collection.runs[1].folder, "results/run/1/restart-001");
  EXPECT_EQ(collection.runs[1].starts.size(), 2U);
  ASSERT_EQ(collection.problems.size(), 1U);
  EXPECT_THAT(collection.problems[0].what, HasSubstr("restart 1 has another configuration"));
}

}  // namespace
}  // namespace trainyard::report
