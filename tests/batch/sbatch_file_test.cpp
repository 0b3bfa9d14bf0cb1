#include "batch/sbatch_file.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "batch/directives.h"
#include "batch/script_parts.h"
#include "config/parse.h"
#include "core/error.h"
#include "core/text.h"
#include "refusal.h"

namespace trainyard::batch {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class SbatchFile : public testing::Test {
 protected:
  SbatchFile() {
    job.config.name = "resnet34_fp16_2node";
    job.config.strategy = config::StrategyKind::kDdp;
    job.config.slurm.emplace();
    job.config.slurm->nodes = 2;
    job.config.slurm->gpus_per_node = 1;
    job.site.name = "generic";
    job.config_path = "slurm/configs/resnet34_fp16_2node.cfg";
    job.command = "tools/generate slurm/configs/resnet34_fp16_2node.cfg";
  }

  std::vector<std::string> directives() {
    const std::string text = sbatch_text(job);
    std::vector<std::string> lines;
    for (const std::string_view line : core::split(text, '\n')) {
      if (line.starts_with("#SBATCH ")) lines.emplace_back(line.substr(8));
    }
    return lines;
  }

  SbatchJob job;
};

TEST_F(SbatchFile, AsksForWhatTheConfigSays) {
  EXPECT_EQ(directives(),
            (std::vector<std::string>{"--job-name=resnet34_fp16_2node", "--nodes=2", "--ntasks-per-node=1",
                                      "--cpus-per-task=4", "--gres=gpu:1", "--mem=16G", "--time=04:00:00", "--requeue",
                                      "--signal=B:USR2@120", "--output=results/%x-%j.out", "--open-mode=append"}));
}

TEST_F(SbatchFile, AJobThatMayNotBeRequeuedStillSavesBeforeItsTimeLimit) {
  job.config.slurm->requeue = false;
  EXPECT_THAT(directives(), AllOf(Contains("--no-requeue"), Contains("--signal=B:USR2@120")));
  EXPECT_THAT(sbatch_text(job), HasSubstr("exec tools/launch -- tools/train"));
  job.config.slurm->signal_s = 0;
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("--signal")));
}

TEST_F(SbatchFile, AConfigOfInferenceStartsToolsInferOnOneRank) {
  EXPECT_THAT(sbatch_text(job), HasSubstr(" -- tools/train --config "));
  job.config.inference.emplace();
  job.config.slurm->nodes = 1;
  EXPECT_THAT(sbatch_text(job), HasSubstr("exec tools/launch -- tools/infer --config "));
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("--signal"))) << "it saves no checkpoint";
  job.config.slurm->nodes = 2;
  EXPECT_THROW(sbatch_text(job), core::UsageError);
}

TEST_F(SbatchFile, ACpuJobAsksForNoGpu) {
  job.config.slurm->gpus_per_node = 0;
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("--gres")));
}

TEST_F(SbatchFile, NamesAccountPartitionConstraintAndRequeueWhereGiven) {
  job.site.partition = "gpu";
  job.config.slurm->account = "torch_pr_1_lab";
  job.config.slurm->constraint = "h100|a100";
  job.config.slurm->requeue = true;
  EXPECT_THAT(directives(), AllOf(Contains("--partition=gpu"), Contains("--account=torch_pr_1_lab"),
                                  Contains("--constraint=\"h100|a100\""), Contains("--requeue")));
}

TEST_F(SbatchFile, ATypedSiteNamesTheKindInTheRequestForGpus) {
  job.site.gpu_request = GpuRequestStyle::kTypedGres;
  job.config.slurm->constraint = "rtx8000";
  EXPECT_THAT(directives(), Contains("--gres=gpu:rtx8000:1"));
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("--constraint")));
}

TEST_F(SbatchFile, StartsTheTrainerFromWhereItWasSubmittedAndPassesArguments) {
  const std::string text = sbatch_text(job);
  EXPECT_THAT(text, StartsWith("#!/bin/bash\n"));
  EXPECT_THAT(text, HasSubstr("cd -- \"${SLURM_SUBMIT_DIR:"));
  EXPECT_THAT(text, testing::EndsWith("exec tools/launch --requeue -- tools/train --config "
                                      "slurm/configs/resnet34_fp16_2node.cfg \"$@\"\n"));
}

TEST_F(SbatchFile, SaysWhereItComesFromAndHowToWriteItAgain) {
  const std::string text = sbatch_text(job);
  EXPECT_THAT(text, HasSubstr(std::string(kGeneratedMark) + "slurm/configs/resnet34_fp16_2node.cfg"));
  EXPECT_THAT(text, HasSubstr("Config digest " + config::config_digest(job.config)));
  EXPECT_THAT(text, HasSubstr("Again: " + job.command + "\n"));
}

TEST_F(SbatchFile, IsTheSameForTheSameJob) {
  EXPECT_EQ(sbatch_text(job), sbatch_text(job));
}

TEST_F(SbatchFile, FollowsTheSitesModulesScratchAndLauncher) {
  job.site.module_paths = {"/my modules"};
  job.site.modules = {"gcc/12", "openmpi/4.1"};
  job.site.scratch_variable = "SCRATCH";
  job.site.launcher = LauncherKind::kMpirun;
  const std::string text = sbatch_text(job);
  EXPECT_LT(text.find("module use '/my modules'\nmodule load gcc/12\nmodule load openmpi/4.1\n"),
            text.find("set -euo pipefail"));
  EXPECT_THAT(text, HasSubstr("${TRAINYARD_DATA:-$SCRATCH/trainyard-data}"));
  EXPECT_THAT(text, HasSubstr("exec tools/launch --launcher mpirun --requeue -- tools/train"));
}

TEST_F(SbatchFile, RemindsOfAnAccountThatTheSiteWants) {
  job.site.account_required = true;
  job.site.account_form = "torch_pr_NNN_name";
  EXPECT_THAT(sbatch_text(job), HasSubstr("sbatch --account=torch_pr_NNN_name"));
  job.config.slurm->account = "torch_pr_1_lab";
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("SBATCH_ACCOUNT")));
}

TEST_F(SbatchFile, GivesAPointsArgumentsBeforeThoseOfTheCommandLine) {
  job.arguments = {"--model", "resnet18", "--weights", "my models/$x", "--name", "a"};
  EXPECT_THAT(sbatch_text(job), testing::EndsWith(" --model resnet18 --weights \"my models/\\$x\" --name a \"$@\"\n"));
}

TEST_F(SbatchFile, OfAnArrayChoosesTheArgumentsByTheTask) {
  job.tasks = {{"--name", "a"}, {"--name", "b c"}};
  job.digest = "0123456789abcdef";
  EXPECT_THAT(directives(), AllOf(Contains("--array=0-1"), Contains("--output=results/%x-%A_%a.out")));
  const std::string text = sbatch_text(job);
  EXPECT_THAT(text, HasSubstr("# Config digest 0123456789abcdef."));
  EXPECT_THAT(text, HasSubstr("case ${SLURM_ARRAY_TASK_ID:?"));
  EXPECT_THAT(text, HasSubstr("  1) set -- --name 'b c' \"$@\" ;;\n"));
  EXPECT_THAT(text, testing::EndsWith("exec tools/launch --requeue -- tools/train --config "
                                      "slurm/configs/resnet34_fp16_2node.cfg \"$@\"\n"));
  job.throttle = 4;
  EXPECT_THAT(directives(), Contains("--array=0-1%4"));
}

TEST_F(SbatchFile, ASiteOfPartitionsTakesTheConstraintForOne) {
  job.site.gpu_request = GpuRequestStyle::kPartition;
  job.site.partition = "cpu";
  job.config.slurm->constraint = "g2-standard-12";
  EXPECT_THAT(directives(), AllOf(Contains("--partition=g2-standard-12"), Contains("--gres=gpu:1")));
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("--constraint")));
  job.config.slurm->constraint = "";
  job.config.slurm->gpus_per_node = 0;
  EXPECT_THAT(directives(), Contains("--partition=cpu"));
}

TEST_F(SbatchFile, ASiteWhoseNodesMayBeTakenAwayRequeuesEveryJobAndSaysSoItsWay) {
  job.config.slurm->requeue = false;
  job.site.requeue_comment = "preemption=yes;requeue=true";
  EXPECT_THAT(directives(), AllOf(Contains("--no-requeue"), Not(Contains(HasSubstr("--comment")))));
  job.site.always_requeue = true;
  EXPECT_THAT(directives(), AllOf(Contains("--requeue"), Contains("--comment=\"preemption=yes;requeue=true\"")));
}

TEST_F(SbatchFile, ASitesContainerHoldsTheRanksAndNotTheLauncher) {
  job.site.container.image = "/images/it's.sif";
  job.site.container.overlay = "/me/overlay.ext3";
  job.site.container.binds = {"/scratch"};
  std::string text = sbatch_text(job);
  EXPECT_THAT(text, HasSubstr("container=(apptainer exec --nv --overlay /me/overlay.ext3:ro --bind /scratch)\n"));
  EXPECT_THAT(text, HasSubstr("container+=(--bind \"$TRAINYARD_DATA\")"));
  EXPECT_THAT(text, HasSubstr("container+=('/images/it'\\''s.sif')\n"));
  EXPECT_THAT(text, HasSubstr("exec tools/launch --requeue -- \"${container[@]}\" tools/train --config "));
  job.config.slurm->gpus_per_node = 0;
  text = sbatch_text(job);
  EXPECT_THAT(text, HasSubstr("container=(apptainer exec --overlay"));
}

TEST_F(SbatchFile, ASiteMayWantTheDoctorBeforeEachRun) {
  EXPECT_THAT(sbatch_text(job), Not(HasSubstr("tools/doctor")));
  job.site.doctor = true;
  job.site.launcher = LauncherKind::kSrun;
  EXPECT_THAT(sbatch_text(job), HasSubstr("\ntools/launch --launcher srun -- tools/doctor --json\nexec tools/launch "));
}

TEST_F(SbatchFile, QuotesOrRefusesEveryValue) {
  job.config_path = "/data of/$(date)/it's.cfg";
  EXPECT_THAT(sbatch_text(job), HasSubstr(R"(--config "/data of/\$(date)/it's.cfg" "$@")"));
  job.config_path = "two\nlines.cfg";
  EXPECT_THROW(sbatch_text(job), core::UsageError);
  job.config_path = "a.cfg";
  for (const char* hostile : {"a#b", "$USER", "a\nb", "\"a\"", "`id`"}) {
    job.config.slurm->account = hostile;
    EXPECT_THROW(sbatch_text(job), core::UsageError) << hostile;
  }
}

}  // namespace
}  // namespace trainyard::batch
