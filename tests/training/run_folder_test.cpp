#include "training/run_folder.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "comm/local_communicator.h"
#include "core/error.h"

namespace trainyard::training {
namespace {

namespace fs = std::filesystem;

class RunFolderTest : public ::testing::Test {
 protected:
  RunFolderTest() { fs::create_directories(scratch_); }
  ~RunFolderTest() override { fs::remove_all(scratch_); }

  config::RunConfig config(const std::string& output) const {
    config::RunConfig config;
    config.name = "study";
    config.output = (scratch_ / output).string();
    return config;
  }

  comm::LocalCommunicator control_;
  fs::path scratch_ = fs::temp_directory_path() / ("trainyard-run-folder-" + std::to_string(::getpid()));
};

TEST_F(RunFolderTest, NamesTheLogOfEachRank) {
  RunFolder folder(config("deep/er/job"), control_);
  folder.keep();
  EXPECT_EQ(folder.job(), "job");
  EXPECT_EQ(folder.log_file(12), scratch_ / "deep/er/job/restart-000/rank-00012.h5");
  EXPECT_TRUE(fs::is_directory(folder.attempt()));
}

TEST_F(RunFolderTest, ARunThatNeverBeganLeavesNothing) {
  { const RunFolder folder(config("deep/er/job"), control_); }
  EXPECT_TRUE(fs::is_empty(scratch_));
}

TEST_F(RunFolderTest, ARunThatNeverBeganLeavesAnEarlierRestartAlone) {
  { RunFolder(config("job"), control_).keep(); }
  { const RunFolder folder(config("job"), control_); }
  EXPECT_TRUE(fs::exists(scratch_ / "job/restart-000"));
  EXPECT_FALSE(fs::exists(scratch_ / "job/restart-001"));
}

TEST_F(RunFolderTest, ARunThatNeverBeganLeavesItsNeighboursAlone) {
  {
    const RunFolder folder(config("deep/er/job"), control_);
    RunFolder(config("deep/er/neighbour"), control_).keep();
  }
  EXPECT_FALSE(fs::exists(scratch_ / "deep/er/job"));
  EXPECT_TRUE(fs::exists(scratch_ / "deep/er/neighbour/restart-000"));
}

TEST_F(RunFolderTest, EachRunIntoOneFolderIsARestart) {
  for (int restart = 0; restart < 3; ++restart) {
    RunFolder folder(config("job"), control_);
    folder.keep();
    EXPECT_EQ(folder.restart(), restart);
  }
}

TEST_F(RunFolderTest, AFileInTheWayIsNamedWithTheKeyToSet) {
  std::ofstream(scratch_ / "file") << "x";
  EXPECT_THAT([&] { RunFolder(config("file/job"), control_); },
              ::testing::ThrowsMessage<core::Error>(
                  ::testing::AllOf(::testing::HasSubstr("file/job"), ::testing::HasSubstr("`output`"))));
}

TEST(SlurmJobTest, IsTheJobAndItsArrayTask) {
  ::unsetenv("SLURM_ARRAY_JOB_ID");
  ::unsetenv("SLURM_JOB_ID");
  EXPECT_EQ(slurm_job(), "");
  ::setenv("SLURM_JOB_ID", "71", 1);
  EXPECT_EQ(slurm_job(), "71");
  ::setenv("SLURM_ARRAY_JOB_ID", "70", 1);
  ::setenv("SLURM_ARRAY_TASK_ID", "3", 1);
  EXPECT_EQ(slurm_job(), "70_3");
  ::unsetenv("SLURM_ARRAY_JOB_ID");
  ::unsetenv("SLURM_ARRAY_TASK_ID");
  ::unsetenv("SLURM_JOB_ID");
}

}  // namespace
}  // namespace trainyard::training
