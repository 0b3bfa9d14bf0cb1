#pragma once

#include <memory>

#include "timing/stream_clock.h"

namespace trainyard::timing {

/// CUDA events on the current stream of the current device. Events are reused once their marks are gone. Only in a
/// build with CUDA.
std::unique_ptr<StreamClock> make_cuda_stream_clock();

}  // namespace trainyard::timing
