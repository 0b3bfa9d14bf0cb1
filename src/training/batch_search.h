#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace trainyard::training {

/// A batch-size that fits, and what it needs.
struct Fit {
  std::int64_t batch_size = 0;
  std::int64_t peak_bytes = 0;
  double bytes_per_sample = 0.0;  ///< how the peak grew between the smallest and the largest batch-size that fit
};

/// The peak in bytes of a step with this batch-size; none where memory does not suffice.
using Trial = std::function<std::optional<std::int64_t>(std::int64_t batch_size)>;

/// The largest batch-size from `smallest` to `largest` that fits; none where the smallest does not. Doubles until a
/// trial fails, then narrows the gap: first where the peaks so far, as a straight line, meet `memory_bytes`, then
/// by halves.
std::optional<Fit> largest_batch(std::int64_t smallest, std::int64_t largest, std::int64_t memory_bytes,
                                 const Trial& trial);

}  // namespace trainyard::training
