#include "batch/study_files.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "config/study.h"
#include "refusal.h"

namespace trainyard::batch {
namespace {

using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

class StudyFiles : public testing::Test {
 protected:
  StudyFiles() { site.name = "generic"; }

  std::vector<GeneratedFile> files(const std::string& text) const {
    const config::Study study = config::expand_study(config::read_config_text(text, "studies/s.cfg", "s"));
    return study_files(request, site, study, "studies/s.cfg", "out/s");
  }
  static std::vector<std::string> paths(const std::vector<GeneratedFile>& files) {
    std::vector<std::string> result;
    for (const GeneratedFile& file : files)
      result.push_back(file.path.string());
    return result;
  }

  GenerationRequest request;
  SiteProfile site;
};

TEST_F(StudyFiles, AreOneForEachPointAndThenTheCollectJob) {
  const auto made = files("precision = fp32 amp\n[slurm]\n[study]\n");
  EXPECT_THAT(paths(made), ElementsAre("out/s/s_fp32.sbatch", "out/s/s_amp.sbatch", "out/s/collect.sbatch"));
  EXPECT_THAT(made[1].text,
              AllOf(HasSubstr("# Written by tools/generate from studies/s.cfg for site generic"),
                    HasSubstr("Again: tools/generate studies/s.cfg\n"), HasSubstr("#SBATCH --job-name=s_amp\n"),
                    HasSubstr("--config studies/s.cfg --precision amp --name s_amp \"$@\"\n")));
  EXPECT_EQ(made[1].study, "s");
  EXPECT_FALSE(made[1].follows_study);
  EXPECT_TRUE(made[2].follows_study);
}

TEST_F(StudyFiles, TheCollectJobReportsOnTheRunsThatAreThere) {
  const auto made = files("precision = fp32 amp\nstrategy = ddp\n[slurm]\nnodes = 2\ngpus-per-node = 1\n[study]\n");
  const std::string& text = made.back().text;
  EXPECT_THAT(text,
              AllOf(HasSubstr("  results/s_fp32\n  results/s_amp\n"), HasSubstr("#SBATCH --nodes=1\n"),
                    HasSubstr("#SBATCH --job-name=s-collect\n"), Not(HasSubstr("--gres")),
                    HasSubstr("exec tools/collect \"${folders[@]}\" "), HasSubstr("--output results/s \"$@\"\n")));
  EXPECT_THAT(files("precision = fp32 amp\n[slurm]\n[study]\ncollect = false\n"), SizeIs(2));
}

TEST_F(StudyFiles, OfAnArrayAreOneForEachRequest) {
  const std::string text = "precision = fp32 amp\nstrategy = ddp\n[slurm]\nnodes = 1 2\n[study]\narray = true\n";
  const auto made = files(text);
  EXPECT_THAT(paths(made), ElementsAre("out/s/array-1.sbatch", "out/s/array-2.sbatch", "out/s/collect.sbatch"));
  EXPECT_THAT(made[1].text, AllOf(HasSubstr("#SBATCH --job-name=s-2\n"), HasSubstr("#SBATCH --nodes=2\n"),
                                  HasSubstr("#SBATCH --array=0-1\n"),
                                  HasSubstr("  1) set -- --precision amp --name s_amp_2 \"$@\" ;;\n")));
  EXPECT_EQ(made[1].jobs, 2);
  const auto one = files("seed = 1 2 3\n[slurm]\n[study]\narray = true\n");
  EXPECT_THAT(paths(one), ElementsAre("out/s/array.sbatch", "out/s/collect.sbatch"));
  EXPECT_THAT(one[0].text, AllOf(HasSubstr("#SBATCH --job-name=s\n"), HasSubstr("#SBATCH --array=0-2\n")));
}

TEST_F(StudyFiles, AnArraysDigestChangesWithEachPoint) {
  const auto digest = [this](const std::string& seeds) {
    const std::string text = files("seed = " + seeds + "\n[slurm]\n[study]\narray = true\nname = x{seed}\n")[0].text;
    return text.substr(text.find("# Config digest"), 32);
  };
  EXPECT_EQ(digest("1 2"), digest("1 2"));
  EXPECT_NE(digest("1 2"), digest("1 3"));
}

TEST_F(StudyFiles, AnArrayRunsAsManyTasksAtATimeAsSiteAndStudyLet) {
  const std::string text = "seed = 1 2 3\n[slurm]\n[study]\narray = true\n";
  site.array_throttle = 2;
  EXPECT_THAT(files(text)[0].text, HasSubstr("--array=0-2%2\n"));
  EXPECT_THAT(files(text + "throttle = 1\n")[0].text, HasSubstr("--array=0-2%1\n"));
  EXPECT_THAT(files(text + "throttle = 3\n")[0].text, HasSubstr("--array=0-2%2\n"));
  site.array_throttle = 0;
  EXPECT_THAT(files(text + "throttle = 3\n")[0].text, HasSubstr("--array=0-2%3\n"));
  site.max_array_size = 2;
  EXPECT_THAT(refusal([&] { files(text); }),
              HasSubstr("a job array of 3 tasks is more than site generic takes: at most 2"));
}

TEST_F(StudyFiles, APointThatTheSiteWouldNotRunIsNamed) {
  site.max_nodes = 2;
  EXPECT_THAT(refusal([&] { files("strategy = ddp\n[slurm]\nnodes = 2 3\n[study]\n"); }),
              HasSubstr("studies/s.cfg: point nodes:3: nodes = 3 is more"));
  EXPECT_THAT(refusal([&] { files("strategy = single ddp\n[slurm]\nnodes = 2\n[study]\n"); }),
              HasSubstr("point strategy:single: strategy = single runs on one rank"));
  EXPECT_THAT(refusal([&] { files("seed = 1 2\n[study]\n"); }), HasSubstr("no [slurm] section"));
  EXPECT_THAT(refusal([&] { files("seed = 1\n[slurm]\n[study]\nname = collect\n"); }), HasSubstr("set name"));
}

TEST_F(StudyFiles, AccountAndKindOfGpuComeFromTheRequestOrTheUsersSiteFile) {
  const std::string text = "seed = 1\n[slurm]\ngpus-per-node = 1\n[study]\n";
  site.account = "p_1";
  request.constraint = "h200";
  auto made = files(text);
  EXPECT_THAT(made[0].text, AllOf(HasSubstr("#SBATCH --account=p_1\n"), HasSubstr("#SBATCH --constraint=h200\n"),
                                  HasSubstr("Again: tools/generate --constraint h200 studies/s.cfg\n")));
  EXPECT_EQ(made[0].account, "p_1");
  EXPECT_THAT(made[1].text, AllOf(HasSubstr("#SBATCH --account=p_1\n"), Not(HasSubstr("--constraint="))));
  request.account = "p_2";
  EXPECT_EQ(files(text)[0].account, "p_2");
}

TEST_F(StudyFiles, OfTenThousandPointsHaveANameEach) {
  std::string hundred;
  for (int i = 1; i <= 100; ++i)
    hundred += " " + std::to_string(i);
  const auto made = files("seed =" + hundred + "\nepochs =" + hundred + "\n[slurm]\n[study]\n");
  std::set<std::string> names;
  for (const GeneratedFile& file : made)
    names.insert(file.path.string());
  EXPECT_THAT(names, SizeIs(10'001));
}

}  // namespace
}  // namespace trainyard::batch
