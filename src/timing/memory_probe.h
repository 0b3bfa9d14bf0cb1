#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "log/schema.h"

namespace trainyard::timing {

/// Memory now: of the process (resident set), and on CUDA what the caching allocator holds for tensors, has reserved
/// and held at most since the last probe. On a CPU, whose allocator keeps no count, those three are -1.
log::MemoryRow probe_memory(at::Device device, std::int64_t step);

}  // namespace trainyard::timing
