#include "comm/device_map.h"

#ifdef TRAINYARD_HAS_CUDA
#include <c10/cuda/CUDAFunctions.h>
#include <c10/util/Exception.h>
#endif

#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::comm {
namespace {

int visible_devices() {
#ifdef TRAINYARD_HAS_CUDA
  return c10::cuda::device_count();
#else
  return 0;
#endif
}

/// What shows that Slurm lets each task see its own GPUs only, as "SLURM_GPUS_PER_TASK=1"; empty: nothing.
std::string binding_of_gpus_to_tasks(const Environ& environ) {
  for (const char* variable : {"SLURM_GPUS_PER_TASK", "SLURM_GPU_BIND", "SLURM_TRES_PER_TASK"}) {
    const std::string text = environ(variable).value_or("");
    // --cpus-per-task alone sets SLURM_TRES_PER_TASK too.
    const bool is_of_gpus =
        variable != std::string_view("SLURM_TRES_PER_TASK") || text.find("gpu") != std::string::npos;
    if (!text.empty() && text != "none" && is_of_gpus) return std::string(variable) + "=" + text;
  }
  return {};
}

std::string too_few_devices(int local_size, int device_count, const Environ& environ) {
  const std::string found = std::to_string(local_size) + " ranks on this node, but this one sees " +
                            std::to_string(device_count) + " CUDA device" + (device_count == 1 ? "" : "s");
  if (const std::string binding = binding_of_gpus_to_tasks(environ); !binding.empty())
    return found + ", since Slurm bound the GPUs to tasks (" + binding +
           "); ask for them by node (--gres=gpu:N) without --gpus-per-task and --gpu-bind";
  if (const std::optional<std::string> visible = environ("CUDA_VISIBLE_DEVICES"))
    return found + " (CUDA_VISIBLE_DEVICES=" + *visible +
           "); let every rank see all of the node's, start at most one rank a device or set device = cpu";
  return found + "; start at most one rank a device or set device = cpu";
}

#ifdef TRAINYARD_HAS_CUDA
void bind(int index) {
  try {
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(index));
  } catch (const c10::Error& error) {
    throw core::UsageError("CUDA device " + std::to_string(index) + " cannot be used: " +
                           core::one_line(error.what_without_backtrace()) + "; take another node or set device = cpu");
  }
}
#endif

}  // namespace

int choose_device_index(config::DeviceKind kind, int local_rank, int local_size, int device_count,
                        const Environ& environ) {
  if (kind == config::DeviceKind::kCpu || (kind == config::DeviceKind::kAuto && device_count == 0)) return -1;
  if (device_count == 0)
    throw core::UsageError(
        "device = cuda, but this process sees no CUDA device; ask for one (gpus-per-node) or set device = cpu");
  if (local_size > device_count) throw core::UsageError(too_few_devices(local_size, device_count, environ));
  return local_rank;
}

at::Device choose_device(config::DeviceKind kind, int local_rank, int local_size) {
  const int devices = kind == config::DeviceKind::kCpu ? 0 : visible_devices();
  const int index = choose_device_index(kind, local_rank, local_size, devices, process_environment());
  if (index < 0) return at::kCPU;
#ifdef TRAINYARD_HAS_CUDA
  bind(index);
#endif
  return {at::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

}  // namespace trainyard::comm
