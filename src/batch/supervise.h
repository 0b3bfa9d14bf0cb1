#pragma once

#include "batch/launch_plan.h"

namespace trainyard::batch {

/// Starts the planned command with its environment and waits for it. Signals that ask this process to end or to
/// checkpoint (TERM, HUP, USR1, USR2, and INT where it comes from a program and not from the terminal, which tells the
/// command itself) go on to it. Returns its exit status, 128 + N where signal N ended it.
/// @throws core::Error when it cannot be started.
int supervise(const LaunchPlan& plan);

}  // namespace trainyard::batch
