#pragma once

#include <ATen/core/Tensor.h>

namespace trainyard::models {

/// True for a half-precision tensor on the CPU: LibTorch's half convolutions there take about 23 times float32's time,
/// so layers compute in float32 from the half-rounded tensors and round their result (precision::Policy::note says so
/// in the log).
inline bool computes_in_float(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kHalf && tensor.is_cpu();
}

/// The tensor to compute with: float32 for a half CPU tensor, else the tensor itself.
inline at::Tensor widen(const at::Tensor& tensor) {
  return computes_in_float(tensor) ? tensor.to(at::kFloat) : tensor;
}

/// Rounds a result back to the type of the layer's input.
inline at::Tensor round_as(const at::Tensor& result, const at::Tensor& input) {
  return computes_in_float(input) ? result.to(at::kHalf) : result;
}

}  // namespace trainyard::models
