// One rank of a job: says where it is and what it was given, so that a test can see what a launcher did.
//   mpi_hello [fail RANK]: that rank ends with status 3 at once, and the others wait for a minute.
#define OMPI_SKIP_MPICXX 1  // the C++ bindings were removed from MPI and warn
#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace {

void check(int code, const char* call) {
  if (code != MPI_SUCCESS) throw std::runtime_error(std::string(call) + " failed");
}

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "unset" : value;
}

}  // namespace

int main(int argc, char** argv) try {
  check(MPI_Init(&argc, &argv), "MPI_Init");
  int rank = 0;
  int size = 0;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
  int sum = 0;  // a collective that crosses nodes
  check(MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD), "MPI_Allreduce");
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) throw std::runtime_error("gethostname failed");
  std::printf("rank=%d size=%d sum=%d host=%s job=%s step_cpus=%s threads=%s expected=%s gpus=%s data=%s\n", rank, size,
              sum, host.data(), variable("SLURM_JOB_ID"), variable("SLURM_CPUS_PER_TASK"), variable("OMP_NUM_THREADS"),
              variable("TRAINYARD_EXPECTED_RANKS"), variable("CUDA_VISIBLE_DEVICES"), variable("TRAINYARD_DATA"));
  std::fflush(stdout);
  if (argc == 3 && std::string(argv[1]) == "fail") {
    if (std::atoi(argv[2]) == rank) std::_Exit(3);
    sleep(60);
  }
  check(MPI_Finalize(), "MPI_Finalize");
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "mpi_hello: %s\n", error.what());
  return 1;
}
