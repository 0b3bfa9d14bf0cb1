#include "comm/launch_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>

#include "core/error.h"

namespace trainyard::comm {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using Variables = std::map<std::string, std::string>;

Environ environ_of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

/// The refusal of a process with these variables whose MPI would find `mpi_size` ranks; empty when it goes on.
std::string refusal(const Variables& variables, int mpi_size) {
  try {
    const Environ environ = environ_of(variables);
    const Launch launch = find_launch(environ);
    check_before_mpi(launch, environ);
    if (launch.launched) check_after_mpi(launch, mpi_size);
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return {};
}

TEST(LaunchCheck, NobodyLaunchedIt) {
  EXPECT_THAT(refusal({}, 1), IsEmpty());
  EXPECT_FALSE(find_launch(environ_of({})).launched);
}

TEST(LaunchCheck, AShellOfAnAllocationIsNotALaunch) {
  const Variables salloc = {{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "4"}, {"SLURM_NPROCS", "4"}};
  EXPECT_THAT(refusal(salloc, 1), IsEmpty());
  EXPECT_FALSE(find_launch(environ_of(salloc)).launched);

  Variables batch = salloc;
  batch["SLURM_PROCID"] = "0";
  EXPECT_THAT(refusal(batch, 1), IsEmpty());

  // salloc's interactive step, and the batch step where Slurm numbers it.
  for (const char* step : {"4294967290", "4294967291", "4294967294"}) {
    Variables interactive = batch;
    interactive["SLURM_STEP_ID"] = step;
    interactive["SLURM_STEP_NUM_TASKS"] = "4";
    EXPECT_THAT(refusal(interactive, 1), IsEmpty()) << step;
  }
}

TEST(LaunchCheck, AnSrunStepOfOneTask) {
  EXPECT_THAT(refusal({{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}, 1), IsEmpty());
}

TEST(LaunchCheck, AnSrunStepWithoutPmixIsRefusedBeforeMpiStarts) {
  const Variables step = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_NTASKS", "2"}};
  EXPECT_FALSE(find_launch(environ_of(step)).launched);
  EXPECT_THAT(refusal(step, 1),
              AllOf(HasSubstr("this rank is alone"), HasSubstr("SLURM_STEP_NUM_TASKS=2"), HasSubstr("srun --mpi=list"),
                    HasSubstr("srun --mpi=pmix"), HasSubstr("tools/launch"), testing::Not(HasSubstr("\n"))));
}

TEST(LaunchCheck, AnSrunStepWithPmix) {
  const Variables step = {{"SLURM_STEP_ID", "3"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"PMIX_RANK", "1"}};
  EXPECT_TRUE(find_launch(environ_of(step)).launched);
  EXPECT_THAT(refusal(step, 2), IsEmpty());
  EXPECT_THAT(refusal(step, 1), HasSubstr("this rank is alone"));
}

TEST(LaunchCheck, APmiThatThisMpiDoesNotSpeak) {
  const Variables step = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "4"}, {"PMI_RANK", "2"}, {"PMI_SIZE", "4"}};
  EXPECT_THAT(refusal(step, 1), AllOf(HasSubstr("this rank is alone"), HasSubstr("PMI_SIZE=4")));
  EXPECT_THAT(refusal(step, 4), IsEmpty());
}

TEST(LaunchCheck, MpirunInsideAnSrunStepCountsItsOwnRanks) {
  // mpirun starts its daemons with srun: their step has one task a node, whatever the number of ranks.
  const Variables daemon = {
      {"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"OMPI_COMM_WORLD_SIZE", "6"}, {"PMIX_RANK", "5"}};
  EXPECT_THAT(refusal(daemon, 6), IsEmpty());
  Variables alone = daemon;
  alone["OMPI_COMM_WORLD_SIZE"] = "1";
  EXPECT_THAT(refusal(alone, 1), IsEmpty());
}

TEST(LaunchCheck, WhatTheLauncherExpectsWins) {
  EXPECT_THAT(refusal({{"TRAINYARD_EXPECTED_RANKS", "1"}}, 1), IsEmpty());
  EXPECT_THAT(refusal({{"TRAINYARD_EXPECTED_RANKS", "2"}}, 1),
              AllOf(HasSubstr("2 ranks"), HasSubstr("TRAINYARD_EXPECTED_RANKS=2"), HasSubstr("no MPI launcher")));
  const Variables mpirun = {{"TRAINYARD_EXPECTED_RANKS", "2"}, {"OMPI_COMM_WORLD_SIZE", "1"}, {"PMIX_RANK", "0"}};
  EXPECT_THAT(refusal(mpirun, 1), HasSubstr("TRAINYARD_EXPECTED_RANKS=2"));
  EXPECT_THAT(refusal(mpirun, 3), HasSubstr("MPI finds 3 ranks"));
  EXPECT_THAT(refusal(mpirun, 2), IsEmpty());
}

TEST(LaunchCheck, CountsThatAreNone) {
  for (const char* text : {"", "0", "-1", "two", "2x", "99999999999999999999"})
    EXPECT_THAT(refusal({{"TRAINYARD_EXPECTED_RANKS", text}}, 1), HasSubstr("is not a number of ranks")) << text;
}

}  // namespace
}  // namespace trainyard::comm
