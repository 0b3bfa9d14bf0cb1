#include "comm/bootstrap.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

#include "comm/clock.h"
#include "comm/device_map.h"
#include "comm/host_communicator.h"
#include "comm/launch_check.h"
#include "comm/local_communicator.h"
#include "comm/mpi.h"
#include "comm/mpi_transport.h"
#include "comm/transports.h"
#include "comm/values.h"
#include "core/error.h"
#include "core/text.h"
#ifdef TRAINYARD_HAS_CUDA
#include "comm/nccl_communicator.h"
#endif

namespace trainyard::comm {
namespace {

std::string node_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0)
    throw core::Error("gethostname failed: this node has no name");
  const std::string_view name(buffer.data());
  return std::string(name.substr(0, name.find('.')));
}

bool is_set_to(const char* variable, std::string_view value) {
  const char* text = std::getenv(variable);
  return text != nullptr && value == text;
}

/// The places of all ranks: this one's local rank and size, and the number of nodes.
void find_place(const mpi::Comm& comm, World& world) {
  world.rank = comm.rank();
  world.size = comm.size();
  const mpi::Comm node = comm.split_shared_memory();
  world.local_rank = node.rank();
  world.local_size = node.size();
}

[[noreturn]] void refuse(const World& world, const std::string& text) {
  if (world.rank == 0) throw core::UsageError(text);
  throw RefusedElsewhere(text);
}

/// Collective over world.control: either every rank has a device, all of one kind, or every rank throws.
void bind_devices(const BootstrapOptions& options, World& world) {
  std::string refusal;
  try {
    world.device = choose_device(options.device, world.local_rank, world.local_size);
  } catch (const std::exception& error) {  // of any kind: the others wait for this rank in the exchange below
    refusal = "rank " + std::to_string(world.rank) + " on " + world.node + ": " + core::one_line(error.what());
  }
  for (const std::string& text : all_gather(*world.control, refusal))
    if (!text.empty()) refuse(world, text);
  const std::vector<std::int64_t> kinds = all_gather(*world.control, static_cast<std::int64_t>(world.device.type()));
  if (std::ranges::adjacent_find(kinds, std::ranges::not_equal_to{}) != kinds.end())
    refuse(world, "some ranks have a CUDA device and some have none: set device = cpu or cuda");
}

void open_communicators(const mpi::Comm& comm, const BootstrapOptions& options, World& world) {
  const Limit limit(options.deadline);
  const bool check = options.check_agreement || is_set_to("TRAINYARD_DEBUG_COMM", "1");
  const HostCommunicatorOptions on_thread{.asynchronous = true,
                                          .check_agreement = check,
                                          .shared_memory = !is_set_to("TRAINYARD_COMM_SHM", "0"),
                                          .deadline = options.deadline,
                                          .recorder = world.recorder,
                                          .name = "data"};
  HostCommunicatorOptions blocking = on_thread;
  blocking.name = "control";
  blocking.asynchronous = false;
  blocking.shared_memory = false;
  world.control = std::make_shared<HostCommunicator>(std::make_unique<MpiTransport>(comm.dup()), blocking);
  const std::vector<std::int64_t> local_ranks = all_gather(*world.control, std::int64_t{world.local_rank});
  world.nodes = static_cast<int>(std::ranges::count(local_ranks, 0));

  bind_devices(options, world);

#ifdef TRAINYARD_HAS_CUDA
  if (world.device.is_cuda()) {
    world.data = std::make_shared<NcclCommunicator>(
        *world.control, check ? std::make_unique<MpiTransport>(comm.dup()) : nullptr, world.device,
        NcclCommunicatorOptions{.deadline = options.deadline, .recorder = world.recorder, .name = "data"});
    return;
  }
#endif
  world.data =
      std::make_shared<HostCommunicator>(open_transport(comm.dup(), on_thread.shared_memory, limit), on_thread);
}

}  // namespace

World bootstrap(const BootstrapOptions& options) {
  const Environ environ = process_environment();
  const Launch launch = find_launch(environ);
  check_before_mpi(launch, environ);

  World world;
  world.node = node_name();
  if (launch.launched) {
    world.environment = std::make_shared<mpi::Environment>();
    const mpi::Comm comm = mpi::Comm::world();
    check_after_mpi(launch, comm.size());
    find_place(comm, world);
    if (world.size > 1) {
      world.recorder = std::make_shared<core::FlightRecorder>(world.rank, world.size, world.node);
      try {
        open_communicators(comm, options, world);
      } catch (const RefusedElsewhere&) {
        // A launcher ends all ranks once one has failed. Finalising lasts until rank 0 has gone, with its line printed.
        world.control.reset();
        world.environment.reset();
        throw;
      }
      world.clock_offset_ns = measure_clock_offset_ns(comm, Limit(options.deadline));
      return world;
    }
  }
  world.device = choose_device(options.device, 0, 1);
  world.data = std::make_shared<LocalCommunicator>();
  world.control = std::make_shared<LocalCommunicator>();
  return world;
}

void abort_ranks(int exit_code) noexcept {
  std::fflush(nullptr);
  mpi::Environment::abort(exit_code);
  std::_Exit(exit_code);
}

}  // namespace trainyard::comm
