#pragma once

#include <c10/core/Device.h>

#include "config/run_config.h"
#include "data/dataset.h"

namespace trainyard::training {

/// What memory-format = auto stands for: channels last where that was measured to be faster, which is for images of 32
/// and more pixels a side on CPUs (docs/performance.md, "Memory format"), else contiguous. Another value is kept.
config::MemoryFormat memory_format(const config::RunConfig& config, const data::Dataset& dataset, at::Device device);

}  // namespace trainyard::training
