#pragma once

#include <functional>

#include "config/run_config.h"

namespace trainyard::training {

/// Runs body. @throws core::Error where its tensors found no memory: which keys to change, in one line.
void naming_out_of_memory(const config::RunConfig& config, const std::function<void()>& body);

}  // namespace trainyard::training
