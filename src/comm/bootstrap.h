#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "core/error.h"
#include "core/flight_recorder.h"

namespace trainyard::comm {

namespace mpi {
class Environment;
}

struct BootstrapOptions {
  config::DeviceKind device = config::DeviceKind::kAuto;
  /// How long one collective may take, from the moment this rank begins it, until it counts as hung.
  std::chrono::milliseconds deadline = std::chrono::minutes(10);
  /// Before each collective the ranks compare operation, type and size; a difference throws naming the ranks. Also
  /// switched on by TRAINYARD_DEBUG_COMM=1.
  bool check_agreement = false;
};

/// What bootstrap() throws on every rank but 0 when the ranks refuse their devices together; rank 0 throws the same
/// text as core::UsageError and is the one that prints it. Exit with status 2 and print nothing.
class RefusedElsewhere : public core::UsageError {
 public:
  using UsageError::UsageError;
};

/// This process's place among the ranks, and its communicators. Keep it for the life of the run: its end is collective
/// (it finalises MPI), except while an exception unwinds: then it leaves MPI up for abort_ranks().
struct World {
  std::shared_ptr<mpi::Environment> environment;  ///< null when no launcher started this process: MPI is not started

  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  int nodes = 1;
  std::string node;  ///< this node's host name, up to the first dot
  at::Device device = at::kCPU;
  std::int64_t clock_offset_ns = 0;  ///< rank 0's core::steady_ns() less this rank's, at the same moment

  /// What this rank calls of its communicators; null for a run of one rank.
  std::shared_ptr<core::FlightRecorder> recorder;

  std::shared_ptr<Communicator> data;     ///< tensors on `device`; asynchronous. NCCL on CUDA, MPI on CPU
  std::shared_ptr<Communicator> control;  ///< host tensors; every call blocks on the caller's thread. See values.h
};

/// Starts MPI when a launcher (mpirun, srun) started this process, finds this rank's place, binds its device and opens
/// the communicators. Collective. A process that no launcher started is a run of one rank and needs no MPI. Ranks that
/// share one node exchange through shared memory ("mpi+shm"), unless TRAINYARD_COMM_SHM=0.
/// @throws core::UsageError when this rank is alone although its launcher started several (see launch_check.h), or when
///   a rank's device is refused (see device_map.h): then on every rank, as RefusedElsewhere on all but rank 0, where it
///   comes only once rank 0 has ended, so that no launcher ends rank 0 before it said why. core::Error when MPI or NCCL
///   fails.
World bootstrap(const BootstrapOptions& options);

/// The end of a failed rank, after it printed why: takes the other ranks along (MPI_Abort) when MPI is up, so that none
/// waits for it for ever, and exits with exit_code without running destructors.
[[noreturn]] void abort_ranks(int exit_code) noexcept;

}  // namespace trainyard::comm
