#pragma once

#include <c10/core/Device.h>

#include "config/run_config.h"

namespace trainyard::comm {

/// The device of one of a node's ranks, by its local rank; binds this thread to it when it is a CUDA device.
/// @throws core::UsageError when CUDA is asked for and there is none, or when the node has more ranks than devices,
///   unless they may share (round robin).
at::Device choose_device(config::DeviceKind kind, int local_rank, int local_size, bool share_devices);

/// The pure part: the index for local_rank among device_count devices, -1 for the CPU. Throws as choose_device does.
int choose_device_index(config::DeviceKind kind, int local_rank, int local_size, int device_count, bool share_devices);

}  // namespace trainyard::comm
