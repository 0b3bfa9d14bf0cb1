#include "comm/versions.h"

#include "comm/mpi.h"
#ifdef TRAINYARD_HAS_CUDA
#include "comm/cuda_event.h"
#include "comm/nccl.h"
#endif

namespace trainyard::comm {
namespace {

#ifdef TRAINYARD_HAS_CUDA
/// CUDA writes 13.2 as 13020.
std::string cuda_version(int number) {
  return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
}
#endif

}  // namespace

Versions library_versions(const World& world) {
  Versions versions;
  if (world.environment) versions.mpi = mpi::library_version();
#ifdef TRAINYARD_HAS_CUDA
  if (world.device.is_cuda()) {
    int number = 0;
    check_cuda(cudaRuntimeGetVersion(&number), "cudaRuntimeGetVersion");
    versions.cuda = cuda_version(number);
    check_cuda(cudaDriverGetVersion(&number), "cudaDriverGetVersion");
    versions.driver = cuda_version(number);
    if (world.data->backend() == "nccl") versions.nccl = nccl::version();
  }
#endif
  return versions;
}

}  // namespace trainyard::comm
