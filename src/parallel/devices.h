#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <vector>

#include "comm/communicator.h"

namespace trainyard::parallel {

/// The devices of one process: `count` of them from `first` on; on a CPU the CPU itself as often.
/// @throws core::UsageError where the machine has fewer.
std::vector<at::Device> devices_from(at::Device first, int count);

/// A transfer between the devices of one process, over already, for a step's comm_ns. Times are core::steady_ns().
std::shared_ptr<comm::Work> ended_transfer(std::int64_t start_ns, std::int64_t end_ns);

}  // namespace trainyard::parallel
