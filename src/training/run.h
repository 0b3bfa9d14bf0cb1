#pragma once

#include <optional>
#include <string>

#include "config/run_config.h"

namespace trainyard::training {

/// The whole life of one rank: starts MPI, checks everything that can be wrong before anything is written, trains,
/// writes the timing log and, on rank 0, the trained model: its parameters and buffers in the types that the run
/// computed with. Returns the process's exit status.
///
/// refusal: why there is no usable configuration, if so. It is said once, by rank 0, known only after MPI came up.
/// @throws core::Error, core::UsageError on rank 0, or on the only rank; other ranks return their exit status silently.
int run(const config::RunConfig& config, const std::optional<std::string>& refusal);

}  // namespace trainyard::training
