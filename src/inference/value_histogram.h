#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace trainyard::inference {

/// The interval of floats that the 8-bit integers of a tensor stand for; it holds 0, so that padding is exact.
struct ValueRange {
  double low = 0.0;
  double high = 0.0;
};

/// How the values of one tensor are distributed over a calibration, in bins over [-limit, limit] that widen by doubling
/// as larger values come: one pass over the data, little memory.
class ValueHistogram {
 public:
  ValueHistogram();

  /// Finite float32 values. @throws core::Error for others: no range would hold them.
  void add(const at::Tensor& values);

  /// The interval in which `levels` + 1 equally spaced numbers stand for the values with the least expected squared
  /// error: those inside are off by a uniform share of a step (variance step^2 / 12), those outside by their distance
  /// to the end. Clipping few large values buys all others a finer step. [0, 0] where all values were 0.
  ValueRange best_range(int levels) const;

 private:
  void widen_to(double magnitude);

  double limit_;
  std::vector<double> counts_;  ///< bins of equal width over [-limit_, limit_]
  double lowest_ = 0.0;
  double highest_ = 0.0;
};

}  // namespace trainyard::inference
