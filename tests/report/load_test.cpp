#include "report/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "log/writer.h"
#include "support/temporary_folder.h"

namespace trainyard::report {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class LoadTest : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, std::vector<log::StepRow> rows, std::int64_t rank = 0,
                 std::int64_t world_size = 1) const {
    const fs::path path = root_ / "results" / name;
    fs::create_directories(path.parent_path());
    log::RunAttributes attributes;
    attributes.model = "resnet18";
    attributes.rank = rank;
    attributes.world_size = world_size;
    log::Writer writer(path, attributes);
    for (const log::StepRow& row : rows)
      writer.append(row);
    writer.finish();
    return path;
  }

  static log::StepRow row(std::int64_t step, std::int64_t forward_ns = 10) {
    log::StepRow result;
    result.step = step;
    result.forward_ns = forward_ns;
    result.step_ns = 10;
    result.samples = 4;
    result.loss = 0.5;
    return result;
  }

  RankLog load(const fs::path& path) const {
    LogFile file;
    file.path = path;
    file.run = "folder";
    file.restart = 3;
    return load_log(file);
  }

  std::string refusal(const fs::path& path) const {
    try {
      load(path);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "not refused";
  }

  trainyard::testing::TemporaryFolder root_;
};

TEST_F(LoadTest, ReadsOurOwnLogsAndFillsInFromTheFolder) {
  const RankLog log = load(write("a/rank-00000.h5", {row(0), row(1)}));
  EXPECT_EQ(log.attributes.run, "folder");
  EXPECT_EQ(log.attributes.restart, 3);
  EXPECT_EQ(log.attributes.model, "resnet18");
  EXPECT_TRUE(log.complete);
  EXPECT_EQ(log.steps.size(), 2U);
  EXPECT_EQ(log.steps.phase_ns[static_cast<std::size_t>(Phase::kForward)], (Counts{10, 10}));
  EXPECT_EQ(log.steps.loss[1], 0.5F);
}

TEST_F(LoadTest, RefusesImpossibleValues) {
  EXPECT_THAT(refusal(write("b/rank-00000.h5", {row(0), row(1, -7)})),
              HasSubstr("/steps/forward_ns holds -7 in row 1"));
  EXPECT_THAT(refusal(write("c/rank-00000.h5", {row(0, INT64_MAX)})), HasSubstr("/steps/forward_ns holds"));
  EXPECT_THAT(refusal(write("d/rank-00000.h5", {row(5), row(5)})), HasSubstr("goes from 5 to 5 in row 1"));
  EXPECT_THAT(refusal(write("e/rank-00000.h5", {row(0)}, 2, 2)), HasSubstr("rank 2 of world size 2"));
}

TEST_F(LoadTest, ReportsTheRestWhenAFileIsBroken) {
  write("a/rank-00000.h5", {row(0), row(1)}, 0, 2);
  std::ofstream(root_ / "results" / "a" / "rank-00001.h5") << "not HDF5";
  const Collection collection = load_runs({root_ / "results"});
  EXPECT_EQ(collection.runs.size(), 1U);
  EXPECT_EQ(collection.log_files, 2U);
  ASSERT_EQ(collection.problems.size(), 2U);
  EXPECT_EQ(collection.problems[0].path.filename(), "rank-00001.h5");
  EXPECT_THAT(collection.problems[1].what, HasSubstr("rank 1"));
}

TEST_F(LoadTest, SaysThatThereIsNothing) {
  fs::create_directories(root_ / "results");
  EXPECT_THROW(load_runs({root_ / "results"}), core::Error);
  std::ofstream(root_ / "results" / "rank-00001.h5") << "not HDF5";
  EXPECT_THROW(load_runs({root_ / "results"}), core::Error);
}

}  // namespace
}  // namespace trainyard::report
