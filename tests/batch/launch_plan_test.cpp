#include "batch/launch_plan.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "refusal.h"

namespace trainyard::batch {
namespace {

using test::refusal;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

constexpr const char* kSlurm2205 =
    "MPI plugin types are...\n\tpmix\n\tnone\n\tcray_shasta\n\tpmi2\n"
    "specific pmix plugin versions available: pmix_v4\n";
constexpr const char* kWithoutPmix = "MPI plugin types are...\n\tnone\n\tpmi2\n\tcray_shasta\n";

class Launch : public testing::Test {
 protected:
  Launch() {
    request.command = {"tools/train", "--config", "a b.cfg"};
    surroundings.cores = 8;
    surroundings.has_mpirun = true;
  }

  void enter_job() {
    surroundings.has_srun = true;
    surroundings.environment = {{"SLURM_JOB_ID", "7"},          {"SLURM_JOB_NUM_NODES", "2"}, {"SLURM_NTASKS", "4"},
                                {"SLURM_NTASKS_PER_NODE", "2"}, {"SLURM_CPUS_PER_TASK", "3"}, {"PATH", "/bin"},
                                {"TRAINYARD_DATA", "/data"}};
    surroundings.srun_mpi_list = [] { return std::string(kSlurm2205); };
  }

  LaunchPlan plan() { return plan_launch(request, surroundings); }
  template <typename Error = core::UsageError>
  std::string refused() {
    return refusal<Error>([&] { plan(); });
  }

  LaunchRequest request;
  Surroundings surroundings;
};

using Words = std::vector<std::string>;

TEST_F(Launch, RanksLearnOfTheTerminalThatTheLauncherHidesFromThem) {
  request.ranks = 2;
  EXPECT_THAT(plan().environment, Not(Contains(Pair("TRAINYARD_TERMINAL_COLUMNS", testing::_))));
  surroundings.terminal_columns = 120;
  EXPECT_THAT(plan().environment, Contains(Pair("TRAINYARD_TERMINAL_COLUMNS", "120")));
}

TEST_F(Launch, OneLocalRankIsTheCommandItself) {
  surroundings.has_mpirun = false;
  const LaunchPlan plan = this->plan();
  EXPECT_EQ(plan.arguments, (Words{"tools/train", "--config", "a b.cfg"}));
  EXPECT_THAT(plan.environment, Contains(Pair("TRAINYARD_EXPECTED_RANKS", "1")));
  EXPECT_THAT(plan.environment, Contains(Pair("OMP_NUM_THREADS", "8")));
}

TEST_F(Launch, LocalRanksShareTheCoresByMpirun) {
  request.ranks = 2;
  const LaunchPlan plan = this->plan();
  EXPECT_EQ(plan.arguments, (Words{"mpirun", "--host", "localhost:2", "-n", "2", "--bind-to", "core", "--map-by",
                                   "slot:PE=4", "tools/train", "--config", "a b.cfg"}));
  EXPECT_THAT(plan.environment, Contains(Pair("TRAINYARD_EXPECTED_RANKS", "2")));
  EXPECT_THAT(plan.environment, Contains(Pair("OMP_NUM_THREADS", "4")));
  EXPECT_THAT(plan.environment, Not(Contains(Pair("OMPI_ALLOW_RUN_AS_ROOT", "1"))));
  EXPECT_THAT(plan.notes, IsEmpty());
}

TEST_F(Launch, MoreRanksThanCoresIsAllowedAndSaid) {
  request.ranks = 9;
  const LaunchPlan plan = this->plan();
  EXPECT_THAT(plan.arguments, Contains("localhost:9"));
  EXPECT_THAT(plan.arguments, Contains("none"));
  EXPECT_THAT(plan.environment, Contains(Pair("OMPI_MCA_mpi_yield_when_idle", "1")));
  EXPECT_THAT(plan.environment, Contains(Pair("OMP_NUM_THREADS", "1")));
  ASSERT_THAT(plan.notes, SizeIs(1));
  EXPECT_THAT(plan.notes[0], HasSubstr("9 ranks share 8 cores"));
  request.ranks = 8;
  EXPECT_THAT(this->plan().arguments, Contains("core"));
}

TEST_F(Launch, BindsNothingWhereCoresAreKeptFromIt) {
  request.ranks = 2;
  surroundings.has_every_core = false;
  EXPECT_THAT(plan().arguments, Not(Contains("core")));
}

TEST_F(Launch, KeepsTheUsersThreadsAndBinding) {
  request.ranks = 2;
  surroundings.environment = {{"OMP_NUM_THREADS", "1"}, {"OMPI_MCA_hwloc_base_binding_policy", "none"}};
  const LaunchPlan plan = this->plan();
  EXPECT_EQ(plan.environment.count("OMP_NUM_THREADS"), 0U);
  EXPECT_EQ(plan.arguments,
            (Words{"mpirun", "--host", "localhost:2", "-n", "2", "tools/train", "--config", "a b.cfg"}));
}

TEST_F(Launch, OnlyRootIsAllowedToBeRoot) {
  request.ranks = 2;
  surroundings.is_root = true;
  EXPECT_THAT(plan().environment, Contains(Pair("OMPI_ALLOW_RUN_AS_ROOT", "1")));
  EXPECT_THAT(plan().environment, Contains(Pair("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")));
}

TEST_F(Launch, SaysWhatBringsAMissingMpirun) {
  request.ranks = 2;
  surroundings.has_mpirun = false;
  EXPECT_THAT(refused<core::Error>(), HasSubstr("openmpi-bin"));
}

TEST_F(Launch, SrunNeedsAJob) {
  request.launcher = LauncherKind::kSrun;
  EXPECT_THAT(refused(), HasSubstr("not within a Slurm job"));
}

TEST_F(Launch, AJobStartsItsTasksBySrun) {
  enter_job();
  const LaunchPlan plan = this->plan();
  EXPECT_EQ(plan.arguments, (Words{"srun", "--mpi=pmix", "--kill-on-bad-exit=1", "--export=ALL", "--cpus-per-task=3",
                                   "tools/train", "--config", "a b.cfg"}));
  EXPECT_THAT(plan.environment, Contains(Pair("TRAINYARD_EXPECTED_RANKS", "4")));
  EXPECT_THAT(plan.environment, Contains(Pair("OMP_NUM_THREADS", "3")));
}

TEST_F(Launch, AJobWithoutATaskCountHasNodesTimesTasksPerNode) {
  enter_job();
  surroundings.environment.erase("SLURM_NTASKS");
  EXPECT_THAT(plan().environment, Contains(Pair("TRAINYARD_EXPECTED_RANKS", "4")));
}

TEST_F(Launch, FewerRanksThanTasksMayBeStartedButNotMore) {
  enter_job();
  request.ranks = 3;
  EXPECT_THAT(plan().arguments, Contains("--ntasks=3"));
  EXPECT_THAT(plan().environment, Contains(Pair("TRAINYARD_EXPECTED_RANKS", "3")));
  request.ranks = 5;
  EXPECT_THAT(refused(), HasSubstr("-n 5: this job has 4 tasks"));
}

TEST_F(Launch, AStepWithinAnInteractiveStepOverlapsIt) {
  enter_job();
  surroundings.environment["SLURM_STEP_ID"] = "0";
  EXPECT_THAT(plan().arguments, Contains("--overlap"));
  surroundings.environment["SLURM_STEP_ID"] = "4294967290";  // the interactive step of salloc, which srun knows
  EXPECT_THAT(plan().arguments, Not(Contains("--overlap")));
}

TEST_F(Launch, WithinAnotherLauncherItRefuses) {
  enter_job();
  surroundings.environment["SLURM_STEP_NUM_TASKS"] = "4";
  EXPECT_THAT(refused(), HasSubstr("SLURM_STEP_NUM_TASKS = 4"));
  surroundings.environment = {{"OMPI_COMM_WORLD_SIZE", "2"}};
  EXPECT_THAT(refused(), HasSubstr("OMPI_COMM_WORLD_SIZE = 2"));
}

TEST_F(Launch, WithoutPmixItStartsByMpirunAndSaysSo) {
  enter_job();
  surroundings.srun_mpi_list = [] { return std::string(kWithoutPmix); };
  const LaunchPlan plan = this->plan();
  EXPECT_EQ(plan.arguments,
            (Words{"mpirun", "-n", "4", "--bind-to", "none", "-x", "OMP_NUM_THREADS", "-x", "PATH", "-x",
                   "TRAINYARD_DATA", "-x", "TRAINYARD_EXPECTED_RANKS", "tools/train", "--config", "a b.cfg"}));
  EXPECT_THAT(plan.environment, Contains(Pair("SRUN_CPUS_PER_TASK", "6")));
  ASSERT_THAT(plan.notes, SizeIs(1));
  EXPECT_THAT(plan.notes[0], HasSubstr("no PMIx"));
  EXPECT_THAT(plan.notes[0], Not(HasSubstr("\n")));
}

TEST_F(Launch, ThePrescribedLauncherIsTaken) {
  enter_job();
  request.launcher = LauncherKind::kMpirun;
  surroundings.has_srun = false;
  EXPECT_EQ(plan().arguments.front(), "mpirun");
  request.launcher = LauncherKind::kSrun;
  surroundings.has_srun = true;
  EXPECT_EQ(plan().arguments.front(), "srun");
  surroundings.srun_mpi_list = [] { return std::string(kWithoutPmix); };
  EXPECT_THAT(refused<core::Error>(), HasSubstr("--launcher mpirun"));
}

TEST_F(Launch, AJobWithoutSrunSaysWhy) {
  enter_job();
  surroundings.has_srun = false;
  EXPECT_THAT(refused<core::Error>(), HasSubstr("container"));
}

TEST(PmixKind, IsReadFromTheListsOfSlurmsVersions) {
  EXPECT_EQ(pmix_kind(kSlurm2205), "pmix");
  EXPECT_EQ(pmix_kind(kWithoutPmix), "");
  EXPECT_EQ(pmix_kind("srun: MPI types are...\nsrun: cray_shasta\nsrun: none\nsrun: pmi2\nsrun: pmix\nsrun: pmix_v3\n"),
            "pmix");
  EXPECT_EQ(pmix_kind("srun: MPI types are...\nsrun: none\nsrun: pmix_v2\nsrun: pmix_v3\nsrun: pmi2\n"), "pmix_v3");
  EXPECT_EQ(pmix_kind("specific pmix plugin versions available: pmix_v4,pmix_v3\n"), "pmix_v4");
  EXPECT_EQ(pmix_kind("srun: fatal: Could not establish a configuration source\n"), "");
  EXPECT_EQ(pmix_kind(""), "");
}

}  // namespace
}  // namespace trainyard::batch
