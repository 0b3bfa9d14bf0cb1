#include "comm/launch_check.h"

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "core/error.h"

namespace trainyard::comm {
namespace {

// Slurm numbers the steps of srun from 0; the shells of sbatch, salloc and the like have special ids from here up.
constexpr std::int64_t kFirstSpecialStep = 0xfffffff0;

constexpr const char* kMend =
    "start it with srun --mpi=pmix (srun --mpi=list shows what this site has) or with mpirun; tools/launch chooses it";

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The variable as a count of ranks; false when it is not set.
bool read_count(const Environ& environ, const std::string& variable, Launch& launch) {
  const std::optional<std::string> text = environ(variable);
  if (!text) return false;
  const std::optional<std::int64_t> count = number(*text);
  if (!count || *count < 1 || *count > 10'000'000)
    throw core::UsageError(variable + "=" + *text + " is not a number of ranks; unset it or correct it");
  launch.expected_ranks = static_cast<int>(*count);
  launch.source = variable + "=" + *text;
  return true;
}

bool is_srun_task(const Environ& environ) {
  const std::optional<std::string> text = environ("SLURM_STEP_ID");
  const std::optional<std::int64_t> step = text ? number(*text) : std::nullopt;
  return step && *step >= 0 && *step < kFirstSpecialStep;
}

bool has_pmix(const Environ& environ) {
  return environ("PMIX_RANK") || environ("PMIX_NAMESPACE");
}

}  // namespace

Environ process_environment() {
  return [](const std::string& variable) -> std::optional<std::string> {
    const char* value = std::getenv(variable.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Launch find_launch(const Environ& environ) {
  Launch launch;
  launch.launched = environ("OMPI_COMM_WORLD_SIZE") || environ("PMI_RANK") || has_pmix(environ);
  const bool counted = read_count(environ, "TRAINYARD_EXPECTED_RANKS", launch) ||
                       read_count(environ, "OMPI_COMM_WORLD_SIZE", launch) || read_count(environ, "PMI_SIZE", launch);
  launch.exact = counted;
  if (!is_srun_task(environ)) return launch;
  if (!counted) read_count(environ, "SLURM_STEP_NUM_TASKS", launch);
  return launch;
}

void check_before_mpi(const Launch& launch, const Environ& environ) {
  const int expected = launch.expected_ranks.value_or(1);
  if (launch.launched || expected == 1) return;
  const std::string ranks = std::to_string(expected) + " ranks (" + launch.source + ")";
  if (is_srun_task(environ))
    throw core::UsageError("this rank is alone: srun started " + ranks +
                           " without the PMIx by which MPI finds the others; " + kMend);
  throw core::UsageError("this rank is alone: " + ranks + " are expected, but no MPI launcher started it; " + kMend);
}

void check_after_mpi(const Launch& launch, int mpi_size) {
  const int expected = launch.expected_ranks.value_or(mpi_size);
  // Around a launcher inside an srun step the step's tasks are that launcher's daemons, not our ranks.
  if (mpi_size == expected || (!launch.exact && mpi_size > 1)) return;
  const std::string found = mpi_size == 1 ? "this rank is alone" : "MPI finds " + std::to_string(mpi_size) + " ranks";
  throw core::UsageError(found + ": its launcher started " + std::to_string(expected) + " (" + launch.source +
                         "), which this MPI cannot see, since they speak different PMIs; " + kMend);
}

}  // namespace trainyard::comm
