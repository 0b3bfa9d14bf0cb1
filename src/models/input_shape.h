#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "config/run_config.h"

namespace trainyard::models {

/// Of one image that a model takes.
struct ImageShape {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
};

/// Of the token sequences that a model takes: ids int64 [N, L] from 0 to vocabulary - 1, the shorter ones of a batch
/// filled up with `padding`.
struct TokenShape {
  std::int64_t length = 0;  ///< the longest, special tokens included
  std::int64_t vocabulary = 0;
  std::int64_t padding = 0;
};

using InputShape = std::variant<ImageShape, TokenShape>;

/// What a model's first stage gets, with values that do not matter and are always the same: float32 [samples, C, H, W]
/// or int64 [samples, length], on the CPU. format: of images, as a loader makes them.
at::Tensor random_input(const InputShape& shape, std::int64_t samples,
                        config::MemoryFormat format = config::MemoryFormat::kContiguous);

}  // namespace trainyard::models
