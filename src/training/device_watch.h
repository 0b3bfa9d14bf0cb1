#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "log/writer.h"
#include "timing/device_sampler.h"

namespace trainyard::training {

/// Has the log tell what `count` GPUs from `first` on do, for as long as the result lives, which must end before the
/// writer is finished. Null on a CPU, and where NVML is not there or does not know a GPU: then `warn` is told why.
std::unique_ptr<timing::DeviceSampler> watch_devices(at::Device first, int count, log::Writer& writer,
                                                     std::int64_t log_zero_ns,
                                                     const std::function<void(const std::string&)>& warn);

}  // namespace trainyard::training
