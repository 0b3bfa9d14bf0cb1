#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/site.h"

namespace trainyard::batch {

/// What the user of tools/launch asked for.
struct LaunchRequest {
  std::optional<int> ranks;  ///< none: the job's tasks, or 1 outside of a job
  LauncherKind launcher = LauncherKind::kAuto;
  std::vector<std::string> command;  ///< never empty
};

/// What of the machine and the environment the plan depends on.
struct Surroundings {
  std::map<std::string, std::string> environment;
  int cores = 1;               ///< physical cores this process may run on
  bool has_every_core = true;  ///< false: some cores of the machine are kept from this process
  bool is_root = false;
  bool has_srun = false;
  bool has_mpirun = false;
  int terminal_columns = 0;                    ///< of the terminal that standard error is; 0: it is none
  std::function<std::string()> srun_mpi_list;  ///< what `srun --mpi=list` prints; asked only within a Slurm job
};

/// What to execute. The ranks find in their environment:
/// - TRAINYARD_EXPECTED_RANKS, the number of ranks started: a rank whose MPI finds another number refuses to go on;
/// - OMP_NUM_THREADS, the cores of one rank, unless it was set already;
/// - TRAINYARD_TERMINAL_COLUMNS, how wide the user's terminal is, where there is one: ranks see pipes.
struct LaunchPlan {
  std::vector<std::string> arguments;              ///< the first is the program
  std::map<std::string, std::string> environment;  ///< variables to set
  std::vector<std::string> notes;                  ///< what the user should know, one line each
};

inline constexpr const char* kExpectedRanks = "TRAINYARD_EXPECTED_RANKS";
inline constexpr const char* kTerminalColumns = "TRAINYARD_TERMINAL_COLUMNS";

/// Within a Slurm job: srun with the PMIx kind it offers, or mpirun where it offers none or the request says so.
/// Outside: mpirun, and the command alone for one rank. A function of its arguments only. Throws core::UsageError for a
/// request that does not fit the job, and core::Error where a program that is needed is missing.
LaunchPlan plan_launch(const LaunchRequest& request, const Surroundings& surroundings);

/// The PMIx kind in the output of `srun --mpi=list`: "pmix" where that is offered, else the newest "pmix_vN", else "".
std::string pmix_kind(std::string_view mpi_list);

}  // namespace trainyard::batch
