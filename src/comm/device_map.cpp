#include "comm/device_map.h"

#ifdef TRAINYARD_HAS_CUDA
#include <c10/cuda/CUDAFunctions.h>
#endif

#include <string>

#include "core/error.h"

namespace trainyard::comm {
namespace {

int visible_devices() {
#ifdef TRAINYARD_HAS_CUDA
  return c10::cuda::device_count();
#else
  return 0;
#endif
}

}  // namespace

int choose_device_index(config::DeviceKind kind, int local_rank, int local_size, int device_count, bool share_devices) {
  if (kind == config::DeviceKind::kCpu || (kind == config::DeviceKind::kAuto && device_count == 0)) return -1;
  if (device_count == 0)
    throw core::UsageError(
        "device = cuda, but this process sees no CUDA device; ask for one (gpus-per-node) or set device = cpu");
  if (local_size > device_count && !share_devices)
    throw core::UsageError(std::to_string(local_size) + " ranks on this node, but it shows " +
                           std::to_string(device_count) + " CUDA device" + (device_count == 1 ? "" : "s") +
                           "; start at most one rank a device or set device = cpu");
  return local_rank % device_count;
}

at::Device choose_device(config::DeviceKind kind, int local_rank, int local_size, bool share_devices) {
  const int devices = kind == config::DeviceKind::kCpu ? 0 : visible_devices();
  const int index = choose_device_index(kind, local_rank, local_size, devices, share_devices);
  if (index < 0) return at::kCPU;
#ifdef TRAINYARD_HAS_CUDA
  c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
#endif
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace trainyard::comm
