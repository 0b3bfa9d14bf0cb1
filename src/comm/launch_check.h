#pragma once

#include <functional>
#include <optional>
#include <string>

/// Was this process started alone, or by a launcher that started several? Pure functions of the environment.
namespace trainyard::comm {

/// Looks up an environment variable; nullopt when it is not set.
using Environ = std::function<std::optional<std::string>(const std::string&)>;

/// getenv.
Environ process_environment();

struct Launch {
  bool launched = false;              ///< a launcher started this process: MPI is to be started
  std::optional<int> expected_ranks;  ///< how many processes it started, where it says so
  std::string source;                 ///< which variable said so, as "SLURM_STEP_NUM_TASKS=2"
  bool exact = false;                 ///< the count is this program's own, not one of a step around a nested launcher
};

/// TRAINYARD_EXPECTED_RANKS (set by tools/launch), else Open MPI's or PMI's own count, else the tasks of the srun step
/// that this process is a task of. A shell of salloc or sbatch has SLURM_NTASKS too, but nobody launched its children.
/// @throws core::UsageError when a variable is not a count.
Launch find_launch(const Environ& environ);

/// Before MPI starts. @throws core::UsageError when MPI cannot come up as several ranks: no launcher although several
/// ranks are expected, or an srun step without the PMIx that this MPI needs.
void check_before_mpi(const Launch& launch, const Environ& environ);

/// After MPI started. @throws core::UsageError when mpi_size is not what the launcher started.
void check_after_mpi(const Launch& launch, int mpi_size);

}  // namespace trainyard::comm
