#include "timing/memory_probe.h"

#include <unistd.h>

#include <fstream>
#include <optional>

#include "timing/host_memory.h"

#ifdef TRAINYARD_HAS_CUDA
#include <ATen/cuda/CUDAContext.h>
#include <c10/cuda/CUDACachingAllocator.h>
#endif

namespace trainyard::timing {
namespace {

/// Bytes; proc(5): the second number of statm counts resident pages. -1 where there is no such file.
std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total_pages = 0;
  std::int64_t resident_pages = 0;
  if (!(statm >> total_pages >> resident_pages)) return -1;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

}  // namespace

DeviceMemory device_memory(at::Device device) {
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) {
    using c10::CachingAllocator::StatType;
    const auto all = static_cast<std::size_t>(StatType::AGGREGATE);
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    return {stats.allocated_bytes[all].current, stats.reserved_bytes[all].current, stats.allocated_bytes[all].peak};
  }
#endif
  const std::optional<HostMemory> host = device.is_cpu() ? host_memory() : std::nullopt;
  return host ? DeviceMemory{.allocated = host->allocated, .peak = host->peak} : DeviceMemory{};
}

void reset_device_peak(at::Device device) {
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) {
    c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
    return;
  }
#endif
  if (device.is_cpu()) reset_host_peak();
}

std::int64_t limit_device_memory([[maybe_unused]] at::Device device, std::int64_t bytes) {
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) {
    const auto total = static_cast<std::int64_t>(at::cuda::getDeviceProperties(device.index())->totalGlobalMem);
    if (bytes == 0 || bytes >= total) return total;
    c10::cuda::CUDACachingAllocator::setMemoryFraction(static_cast<double>(bytes) / static_cast<double>(total),
                                                       device.index());
    return bytes;
  }
#endif
  limit_host_memory(bytes);
  return bytes;
}

void release_cached_memory([[maybe_unused]] at::Device device) {
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) c10::cuda::CUDACachingAllocator::emptyCache();
#endif
}

log::MemoryRow probe_memory(at::Device device, std::int64_t step) {
  const DeviceMemory memory = device_memory(device);
  reset_device_peak(device);
  log::MemoryRow row;
  row.step = step;
  row.resident_bytes = resident_bytes();
  row.allocated_bytes = memory.allocated;
  row.reserved_bytes = memory.reserved;
  row.peak_bytes = memory.peak;
  return row;
}

}  // namespace trainyard::timing
