#pragma once

#include <functional>
#include <string>

#include "comm/bootstrap.h"

namespace trainyard::training {

/// How a step that all ranks took ended: as on the first rank that it failed on.
struct Outcome {
  int exit_code = 0;  ///< 0: well on every rank; 2: bad input; 1: the work failed; core::kStoppedStatus: asked to stop
  std::string message;  ///< one line; names the rank and node where not all ranks say the same
};

/// Runs body on every rank and tells all how it went, so that what is wrong is said once, and every rank ends by
/// itself. Collective over world.control. body may call collectives of its own if these throw on all ranks or on none.
Outcome agree(const comm::World& world, const std::function<void()>& body);

}  // namespace trainyard::training
