#pragma once

#include <c10/core/Device.h>
#include <c10/cuda/CUDAFunctions.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "comm/mpi_transport.h"
#include "comm/nccl_communicator.h"
#include "support/mpi_main.h"

namespace trainyard::test {

/// This rank's CUDA device, made the current one; none where there is no device. Several ranks may share one: each then
/// claims a host of its own, since NCCL refuses one device twice in a host.
inline std::optional<at::Device> nccl_device() {
  const int devices = c10::cuda::device_count();
  if (devices == 0) return std::nullopt;
  if (devices < world().size) setenv("NCCL_HOSTID", ("trainyard-rank-" + std::to_string(world().rank)).c_str(), 1);
  const auto index = static_cast<c10::DeviceIndex>(world().local_rank % devices);
  c10::cuda::set_device(index);
  return at::Device(at::kCUDA, index);
}

/// A fresh communicator over all ranks; collective. check: the ranks compare what they call.
inline std::unique_ptr<comm::NcclCommunicator> open_nccl(at::Device device, bool check = false,
                                                         std::chrono::milliseconds deadline = std::chrono::minutes(1)) {
  return std::make_unique<comm::NcclCommunicator>(
      *world().control, check ? std::make_unique<comm::MpiTransport>(comm::mpi::Comm::world()) : nullptr, device,
      comm::NcclCommunicatorOptions{.deadline = deadline});
}

}  // namespace trainyard::test
