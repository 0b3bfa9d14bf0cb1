#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/pass.h"

namespace trainyard::models {

/// The random numbers of one stage in one pass: a function of the pass's key and the stage alone, so that a stage drops
/// the same when it is run again, and whichever thread or rank runs it.
///
/// On CUDA they are those of the device's default generator, which is set to the key: LibTorch's fused kernels draw
/// from no other. One thread at a time runs stages on a CUDA device.
class Dropout {
 public:
  /// stage: a number that no other stage of the model has.
  Dropout(const Pass& pass, std::uint64_t stage, at::Device device);

  /// True in a pass that trains, where p > 0.
  bool drops(double p) const { return trains_ && p > 0.0; }
  /// input with each element 0 with probability p and else divided by 1 - p, where drops(p); input itself elsewhere.
  at::Tensor apply(const at::Tensor& input, double p);

 private:
  bool trains_;
  at::Generator generator_;  ///< on a CPU, in a pass that trains
};

}  // namespace trainyard::models
