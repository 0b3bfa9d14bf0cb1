#pragma once

#include <optional>
#include <string>

#include "batch/launch_plan.h"

namespace trainyard::batch {

/// The surroundings of this process. Programs are looked up on the PATH; `srun --mpi=list` runs only when asked for.
Surroundings current_surroundings();

/// Where a program is: itself when it has a slash and may be executed, else found on `path`; none where it is not.
std::optional<std::string> find_program(const std::string& program, const std::string& path);

/// Becomes the planned command with its environment: does not return. Throws core::Error when it cannot be started.
[[noreturn]] void execute(const LaunchPlan& plan);

}  // namespace trainyard::batch
