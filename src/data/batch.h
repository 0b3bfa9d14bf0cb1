#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace trainyard::data {

/// One rank's part of a global batch, on the CPU. Valid for as long as its tensors live, even past the loader.
struct Batch {
  /// float32 [n, channels, height, width], normalised; or token ids int64 [n, length], filled up to the longest.
  at::Tensor inputs;
  at::Tensor labels;                ///< int64 [n]
  std::int64_t global_samples = 0;  ///< over all ranks: what a mean over the global batch divides by
  std::uint64_t random_key = 0;     ///< of what is drawn while these samples are trained on, such as dropout

  /// `count` samples from `first` on, with a key of their own; no copies.
  Batch part(std::int64_t first, std::int64_t count) const;
};

}  // namespace trainyard::data
