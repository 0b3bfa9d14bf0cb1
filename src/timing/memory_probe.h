#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "log/schema.h"

namespace trainyard::timing {

/// Bytes of tensors on a device: of CUDA's caching allocator, or as host_memory.h counts. -1: no count is kept.
struct DeviceMemory {
  std::int64_t allocated = -1;
  std::int64_t reserved = -1;  ///< held by the allocator; a CPU's holds nothing back
  std::int64_t peak = -1;      ///< most allocated since reset_device_peak()
};

DeviceMemory device_memory(at::Device device);
void reset_device_peak(at::Device device);
/// Lets this process's tensors on the device take so many bytes; 0: as many as it has, which only a CUDA device knows.
/// Returns the limit. What goes beyond is a c10::OutOfMemoryError.
std::int64_t limit_device_memory(at::Device device, std::int64_t bytes);
/// Gives back what the device's allocator holds for later tensors.
void release_cached_memory(at::Device device);

/// Memory now: of the process (resident set) and of the device's tensors, with their peak since the last probe.
log::MemoryRow probe_memory(at::Device device, std::int64_t step);

}  // namespace trainyard::timing
