// What bootstrap() makes of the environment it is started in, for launch_test.sh.
//   world_probe               prints this rank's place
//   world_probe fail RANK     RANK throws while the others wait for it in a barrier
//   world_probe cuda          wants CUDA devices
#include <cstdio>
#include <exception>
#include <string>

#include "comm/bootstrap.h"
#include "core/error.h"

namespace {

void probe(int argc, char** argv) {
  trainyard::comm::BootstrapOptions options;
  const bool wants_cuda = argc == 2 && std::string(argv[1]) == "cuda";
  options.device = wants_cuda ? trainyard::config::DeviceKind::kCuda : trainyard::config::DeviceKind::kCpu;
  const trainyard::comm::World world = trainyard::comm::bootstrap(options);
  if (argc == 3 && std::string(argv[1]) == "fail") {
    if (world.rank == std::stoi(argv[2])) throw trainyard::core::Error("rank " + std::string(argv[2]) + " fails");
    world.data->barrier();
  }
  std::printf("rank %d of %d, local %d of %d, %d node(s), %s, %s backend\n", world.rank, world.size, world.local_rank,
              world.local_size, world.nodes, world.device.str().c_str(), world.data->backend().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    probe(argc, argv);
  } catch (const trainyard::comm::RefusedElsewhere&) {
    return 2;
  } catch (const trainyard::core::UsageError& error) {
    std::fprintf(stderr, "world_probe: %s\n", error.what());
    trainyard::comm::abort_ranks(2);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "world_probe: %s\n", error.what());
    trainyard::comm::abort_ranks(1);
  }
}
