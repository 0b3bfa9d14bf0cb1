#pragma once

#include <c10/core/Device.h>

#include <string>
#include <vector>

namespace trainyard::comm {

/// What a process sees of its GPU. Of a CPU all of it is empty.
struct DeviceFacts {
  std::string name;      ///< "NVIDIA H100 80GB HBM3"
  std::string uuid;      ///< "GPU-...", as nvidia-smi prints it: the same for every process that sees the GPU
  int visible = 0;       ///< GPUs that this process sees
  std::vector<int> far;  ///< indexes of those whose memory this GPU cannot read directly
};

/// @throws core::Error when CUDA fails.
DeviceFacts device_facts(at::Device device);

}  // namespace trainyard::comm
