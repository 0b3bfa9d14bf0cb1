#pragma once

#include <cstdint>
#include <optional>

namespace trainyard::timing {

/// Bytes of CPU tensors.
struct HostMemory {
  std::int64_t allocated = 0;
  std::int64_t peak = 0;  ///< most allocated since reset_host_peak(), or since counting began
};

/// From here on the bytes of every CPU tensor are counted, whichever thread makes or frees it, and a tensor that cannot
/// be had is a c10::OutOfMemoryError. Calls after the first do nothing.
///
/// Counts in an allocator put before LibTorch's. LibTorch's own reports (c10::MemoryReportingInfoBase) go to an object
/// of the thread that allocates or frees: they miss the loader's and the communicator's threads, and what one thread
/// makes and another frees never balances. Not counted: memory that operators take for themselves (oneDNN's scratch),
/// and tensors over other memory (the loader's batches).
void count_host_memory();

/// None before count_host_memory().
std::optional<HostMemory> host_memory();
void reset_host_peak();

/// A tensor beyond this many bytes in all is refused as if there were no more memory; 0: no limit.
void limit_host_memory(std::int64_t bytes);

}  // namespace trainyard::timing
