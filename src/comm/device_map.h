#pragma once

#include <c10/core/Device.h>

#include "comm/launch_check.h"
#include "config/run_config.h"

namespace trainyard::comm {

/// The device of one of a node's ranks, by its local rank; binds this thread to it when it is a CUDA device.
/// @throws core::UsageError when CUDA is asked for and there is none, when the node has more ranks than devices, or
/// when
///   CUDA does not let this process have its device.
at::Device choose_device(config::DeviceKind kind, int local_rank, int local_size);

/// The pure part: the index for local_rank among the device_count devices that this process sees, -1 for the CPU.
/// Throws as choose_device does; the message says where Slurm's variables in `environ` show that it bound the GPUs to
/// tasks.
int choose_device_index(config::DeviceKind kind, int local_rank, int local_size, int device_count,
                        const Environ& environ);

}  // namespace trainyard::comm
