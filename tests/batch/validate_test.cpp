#include "batch/validate.h"

#include <gmock/gmock.h>

#include <string>

#include "refusal.h"

namespace trainyard::batch {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class Request : public testing::Test {
 protected:
  Request() {
    config.strategy = config::StrategyKind::kDdp;
    config.slurm.emplace();
    config.slurm->gpus_per_node = 1;
    site.name = "mine";
  }

  std::string refused() {
    return test::refusal([&] { validate_request(config, site, "a.cfg"); });
  }
  void expect_taken() { EXPECT_NO_THROW(validate_request(config, site, "a.cfg")); }

  config::RunConfig config;
  SiteProfile site;
};

TEST_F(Request, IsTakenWhereNothingIsKnownOfTheSite) {
  config.slurm->account = "anything";
  config.slurm->constraint = "any|thing";
  config.slurm->nodes = 1000;
  expect_taken();
}

TEST_F(Request, WithoutASlurmSectionIsRefused) {
  config.slurm.reset();
  EXPECT_THAT(refused(), AllOf(StartsWith("a.cfg: "), HasSubstr("[slurm]")));
}

TEST_F(Request, ASingleRankStrategyTakesOneRank) {
  config.strategy = config::StrategyKind::kSingle;
  expect_taken();
  config.slurm->nodes = 2;
  EXPECT_THAT(refused(), HasSubstr("strategy = ddp"));
  config.slurm->nodes = 1;
  config.slurm->ranks_per_node = 2;
  config.slurm->gpus_per_node = 2;
  EXPECT_THAT(refused(), HasSubstr("strategy = ddp"));
}

TEST_F(Request, EachRankDrivesOneGpu) {
  config.slurm->ranks_per_node = 4;
  EXPECT_THAT(refused(), HasSubstr("ranks-per-node = 4 and gpus-per-node = 1"));
  config.slurm->gpus_per_node = 4;
  expect_taken();
  config.slurm->gpus_per_node = 8;
  EXPECT_THAT(refused(), HasSubstr("each rank drives one GPU"));
  config.slurm->gpus_per_node = 0;
  expect_taken();
}

TEST_F(Request, ARankOfSeveralDevicesHasAsManyGpus) {
  config.strategy = config::StrategyKind::kDp;
  config.devices = 4;
  EXPECT_THAT(refused(), HasSubstr("set it to 4"));
  config.slurm->gpus_per_node = 4;
  expect_taken();
  config.slurm->gpus_per_node = 0;
  expect_taken();
}

TEST_F(Request, TheDeviceAndTheGpusAgree) {
  config.device = config::DeviceKind::kCuda;
  expect_taken();
  config.slurm->gpus_per_node = 0;
  EXPECT_THAT(refused(), HasSubstr("device = cuda"));
  config.device = config::DeviceKind::kCpu;
  expect_taken();
  config.slurm->gpus_per_node = 1;
  EXPECT_THAT(refused(), HasSubstr("device = cpu"));
}

TEST_F(Request, AnAccountHasTheFormOfTheSite) {
  site.account_pattern = AccountPattern("torch_pr_[0-9]+_[a-z]+");
  site.account_form = "torch_pr_NNN_name";
  expect_taken();  // none given: left to SBATCH_ACCOUNT
  config.slurm->account = "torch_pr_12_lab";
  expect_taken();
  config.slurm->account = "xtorch_pr_12_lab";
  EXPECT_THAT(refused(), HasSubstr("has the form torch_pr_NNN_name"));
}

TEST_F(Request, FeaturesAreThoseOfTheSite) {
  site.constraints = {"h200", "l40s"};
  for (const char* constraint : {"", "h200", "h200|l40s", "h200&l40s", "[h200*2&l40s]", "(h200|l40s)"}) {
    config.slurm->constraint = constraint;
    expect_taken();
  }
  config.slurm->constraint = "h200|l40";
  EXPECT_THAT(refused(), AllOf(HasSubstr("has no l40 (did you mean l40s?)"), HasSubstr("it has h200, l40s")));
}

TEST_F(Request, LimitsAreThoseOfTheSite) {
  site.max_gpus_per_node = 8;
  site.max_cpus_per_node = 64;
  site.max_memory_mib = 1024 * 1024;
  site.max_time_s = 3600;
  config.slurm->ranks_per_node = 8;
  config.slurm->gpus_per_node = 8;
  config.slurm->cpus_per_rank = 8;
  config.slurm->memory_mib = 1024 * 1024;
  config.slurm->time_s = 3600;
  expect_taken();
  config.slurm->time_s = 3601;
  EXPECT_THAT(refused(), HasSubstr("time = 01:00:01"));
  config.slurm->memory_mib += 1024;
  EXPECT_THAT(refused(), HasSubstr("memory = 1025G"));
  config.slurm->cpus_per_rank = 9;
  EXPECT_THAT(refused(), HasSubstr("72"));
  config.slurm->ranks_per_node = config.slurm->gpus_per_node = 9;
  EXPECT_THAT(refused(), HasSubstr("gpus-per-node = 9"));
}

TEST_F(Request, AGpuOfASiteThatAsksByKindWantsItsKind) {
  site.constraints = {"v100"};
  for (const GpuRequestStyle style : {GpuRequestStyle::kTypedGres, GpuRequestStyle::kPartition}) {
    site.gpu_request = style;
    config.slurm->constraint = "";
    EXPECT_THAT(refused(), AllOf(HasSubstr("by kind"), HasSubstr("--constraint: v100")));
    config.slurm->constraint = "v100";
    expect_taken();
  }
}

TEST_F(Request, LimitsOfAWholeJobAreThoseOfTheSite) {
  site.max_nodes = 4;
  site.max_gpus = 8;
  config.slurm->nodes = 4;
  config.slurm->ranks_per_node = config.slurm->gpus_per_node = 2;
  expect_taken();
  config.slurm->ranks_per_node = config.slurm->gpus_per_node = 4;
  EXPECT_THAT(refused(), HasSubstr("nodes x gpus-per-node = 16"));
  config.slurm->nodes = 5;
  EXPECT_THAT(refused(), HasSubstr("nodes = 5"));
}

TEST_F(Request, FitsANodeOfAKindThatItNames) {
  site.nodes = {{"h200", 8, 128, 2048 * 1024}, {"l40s", 4, 96, 512 * 1024}};
  config.slurm->ranks_per_node = config.slurm->gpus_per_node = 8;
  expect_taken();
  config.slurm->constraint = "l40s|h200";
  expect_taken();
  config.slurm->constraint = "l40s";
  EXPECT_THAT(refused(),
              AllOf(HasSubstr("8 GPUs, 32 CPUs and 16G fit no node"), HasSubstr("l40s: 4 GPUs, 96 CPUs, 512G")));
  config.slurm->constraint = "unlisted";
  expect_taken();
  config.slurm->constraint = "";
  config.slurm->cpus_per_rank = 17;
  EXPECT_THAT(refused(), HasSubstr("136 CPUs"));
  config.slurm->cpus_per_rank = 1;
  config.slurm->memory_mib = 3072 * 1024;
  EXPECT_THAT(refused(), HasSubstr("3T"));
}

}  // namespace
}  // namespace trainyard::batch
