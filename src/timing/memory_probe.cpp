#include "timing/memory_probe.h"

#include <unistd.h>

#include <fstream>

#ifdef TRAINYARD_HAS_CUDA
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

log::MemoryRow probe_memory(at::Device device, std::int64_t step) {
  log::MemoryRow row;
  row.step = step;
  row.resident_bytes = resident_bytes();
  row.allocated_bytes = -1;
  row.reserved_bytes = -1;
  row.peak_bytes = -1;
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) {
    using c10::CachingAllocator::StatType;
    const auto all = static_cast<std::size_t>(StatType::AGGREGATE);
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
    row.allocated_bytes = stats.allocated_bytes[all].current;
    row.reserved_bytes = stats.reserved_bytes[all].current;
    row.peak_bytes = stats.allocated_bytes[all].peak;
    c10::cuda::CUDACachingAllocator::resetPeakStats(device.index());
  }
#else
  static_cast<void>(device);
#endif
  return row;
}

}  // namespace trainyard::timing
