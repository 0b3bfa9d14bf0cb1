#pragma once

#include <cstddef>
#include <memory>

#include "data/buffer_pool.h"

namespace trainyard::data {

/// Page-locked memory from LibTorch's caching allocator. Each buffer is the allocator's own block, so that an
/// asynchronous copy out of it is known to the allocator and delays its reuse; that is why these are not pooled a
/// second time.
/// @throws core::UsageError where LibTorch finds no CUDA device.
std::unique_ptr<BufferSource> make_pinned_buffers(std::size_t bytes);

}  // namespace trainyard::data
