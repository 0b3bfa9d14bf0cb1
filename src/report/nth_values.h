#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace trainyard::report {

/// Two neighbours in sorted order.
struct Neighbours {
  float low = 0;
  float high = 0;
};

/// Finds the n-th smallest value and the next one, in one list after another. Lists that are like the one before, as
/// the steps of a run are, take a fraction of std::nth_element's time: only what lies near the last result is sorted.
/// The result is exact in any case. Without NaN.
class NthValues {
 public:
  /// `n` counts from 0 and is below values.size() - 1.
  Neighbours find(std::span<const float> values, std::size_t n);

 private:
  Neighbours find_among_all(std::span<const float> values, std::size_t n);

  std::vector<float> near_;
  float from_ = 1;  ///< values in [from_, to_] lay near the last result; none at first
  float to_ = 0;
};

}  // namespace trainyard::report
