#pragma once

#include <cstdint>

#include "config/run_config.h"

namespace trainyard::training {

/// Prints the largest batch-size with which a step of this configuration fits into memory_mib of the device's tensors
/// (0: into all of a CUDA device's), its peak and how much of it a sample adds. Found by trial steps over made-up
/// images, in this process alone: for a strategy that shards over ranks that is more than each of them needs. Returns
/// the process's exit status.
/// @throws core::UsageError on a CPU without a limit, and where several ranks were started; core::Error where not even
///   the smallest batch-size fits.
int probe_batch(const config::RunConfig& config, std::int64_t memory_mib);

}  // namespace trainyard::training
