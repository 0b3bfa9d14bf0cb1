#include "batch/submit.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "refusal.h"

namespace trainyard::batch {
namespace {

namespace fs = std::filesystem;
using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

GeneratedFile file(const std::string& path, const std::string& study = "", bool follows = false) {
  GeneratedFile result;
  result.path = path;
  result.study = study;
  result.follows_study = follows;
  return result;
}

class Submission : public testing::Test {
 protected:
  /// The commands, word by word with spaces between; jobs are numbered from 1.
  std::vector<std::string> submit_all(const std::vector<GeneratedFile>& files, const std::string& account = "") {
    std::vector<std::string> commands;
    submit(
        files, account,
        [&](const std::vector<std::string>& command) {
          std::string line;
          for (const std::string& word : command)
            line += (line.empty() ? "" : " ") + word;
          if (line.ends_with(refused_)) throw core::Error("no such partition");
          commands.push_back(line);
          return std::to_string(commands.size());
        },
        [&](const SubmittedJob& job) { reported_.push_back(job.id + " " + job.file.string()); });
    return commands;
  }

  std::string refused_ = "nothing";
  std::vector<std::string> reported_;
};

TEST_F(Submission, HandsOverFileByFileAndTellsOfEach) {
  EXPECT_THAT(submit_all({file("a.sbatch"), file("b.sbatch")}, "p_1"),
              ElementsAre("sbatch --parsable --account=p_1 a.sbatch", "sbatch --parsable --account=p_1 b.sbatch"));
  EXPECT_THAT(reported_, ElementsAre("1 a.sbatch", "2 b.sbatch"));
}

TEST_F(Submission, WhatFollowsAStudyWaitsForAllItsJobsAndNoOthers) {
  EXPECT_THAT(submit_all({file("s/collect", "s", true), file("s/x", "s"), file("t/collect", "t", true),
                          file("t/x", "t"), file("s/y", "s"), file("alone")}),
              ElementsAre("sbatch --parsable s/x", "sbatch --parsable t/x", "sbatch --parsable s/y",
                          "sbatch --parsable alone", "sbatch --parsable --dependency=afterany:1:3 s/collect",
                          "sbatch --parsable --dependency=afterany:2 t/collect"));
}

TEST_F(Submission, ARefusalNamesTheFileAndTheJobsBeforeIt) {
  refused_ = "c.sbatch";
  EXPECT_THAT(refusal<core::Error>([&] {
                submit_all({file("a.sbatch"), file("b.sbatch"), file("c.sbatch")});
              }),
              AllOf(HasSubstr("c.sbatch: not submitted: no such partition"), HasSubstr("takes them back): 1 2")));
  refused_ = "a.sbatch";
  EXPECT_THAT(refusal<core::Error>([&] { submit_all({file("a.sbatch")}); }), Not(HasSubstr("scancel")));
}

TEST(ValidateSubmission, AnAccountThatTheSiteWantsComesFromSomewhere) {
  SiteProfile site;
  site.name = "mine";
  std::vector<GeneratedFile> files{file("a.sbatch")};
  EXPECT_NO_THROW(validate_submission(files, site, ""));
  site.account_required = true;
  site.account_form = "p_NNN";
  site.account_pattern = AccountPattern("p_[0-9]+");
  EXPECT_THAT(refusal([&] { validate_submission(files, site, ""); }),
              AllOf(HasSubstr("a.sbatch: site mine wants an account like p_NNN"), HasSubstr("mine.local.cfg")));
  EXPECT_NO_THROW(validate_submission(files, site, "p_1"));
  EXPECT_THAT(refusal([&] { validate_submission(files, site, "me"); }), HasSubstr("has the form p_NNN"));
  files.front().account = "p_2";
  EXPECT_NO_THROW(validate_submission(files, site, ""));
}

TEST(ValidateSubmission, CountsTheTasksOfArrays) {
  SiteProfile site;
  site.name = "mine";
  site.max_jobs = 10;
  std::vector<GeneratedFile> files{file("a"), file("b")};
  files.front().jobs = 9;
  EXPECT_NO_THROW(validate_submission(files, site, ""));
  files.front().jobs = 10;
  EXPECT_THAT(refusal([&] { validate_submission(files, site, ""); }), HasSubstr("these are 11 jobs"));
}

TEST(LeakedVariables, AreThoseThatAJobOrALauncherLeft) {
  EXPECT_THAT(leaked_variables({{"CUDA_VISIBLE_DEVICES", "0"},
                                {"HOME", "/"},
                                {"PMIX_RANK", "1"},
                                {"PMI_RANK", "1"},
                                {"SBATCH_PARTITION", "x"},
                                {"SCRATCH", "/s"},
                                {"SLURMD_NODENAME", "n"},
                                {"SLURM_CONF", "/etc/slurm.conf"},
                                {"SLURM_JOB_ID", "1"},
                                {"TRAINYARD_DATA", "/d"}}),
              ElementsAre("CUDA_VISIBLE_DEVICES", "PMIX_RANK", "PMI_RANK", "SBATCH_PARTITION", "SLURMD_NODENAME",
                          "SLURM_JOB_ID"));
}

class Sbatch : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(folder_);
    former_ = std::getenv("PATH");
    setenv("PATH", (folder_.string() + ":" + former_).c_str(), 1);
  }
  void TearDown() override {
    setenv("PATH", former_.c_str(), 1);
    fs::remove_all(folder_);
  }
  std::string says(const std::string& script) const {
    std::ofstream(folder_ / "sbatch") << "#!/bin/sh\n" << script;
    fs::permissions(folder_ / "sbatch", fs::perms::owner_all);
    return run_sbatch({"sbatch", "x"});
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "submit_test";
  std::string former_;
};

TEST_F(Sbatch, GivesTheIdAmongWhatTheSiteHasToSay) {
  EXPECT_EQ(says("echo 17\n"), "17");
  EXPECT_EQ(says("echo 'sbatch: welcome' >&2; echo '18;cluster'; echo bye\n"), "18");
}

TEST_F(Sbatch, SaysWhyAJobWasRefused) {
  EXPECT_EQ(refusal<core::Error>([&] { says("echo 'sbatch: error: invalid account' >&2; exit 1\n"); }),
            "sbatch: error: invalid account");
  EXPECT_EQ(refusal<core::Error>([&] { says("exit 3\n"); }), "sbatch ended with exit status 3");
  EXPECT_THAT(refusal<core::Error>([&] { says("echo hello\n"); }), HasSubstr("names no job: hello"));
}

}  // namespace
}  // namespace trainyard::batch
