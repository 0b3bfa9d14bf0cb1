#pragma once

#include <functional>

#include "config/run_config.h"

namespace trainyard::training {

/// The whole life of one rank: starts MPI, checks everything that can be wrong before anything is written, trains,
/// writes the timing log and, on rank 0, the trained model. Returns the process's exit status.
///
/// configure gives the configuration or throws core::UsageError; being called after the ranks found each other, what
/// it refuses is said once and not by every rank.
/// @throws core::Error, core::UsageError on rank 0, or on the only rank; other ranks return their exit status silently.
int run(const std::function<config::RunConfig()>& configure);

}  // namespace trainyard::training
