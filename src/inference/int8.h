#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include "inference/convolution_shape.h"
#include "inference/value_histogram.h"

namespace trainyard::inference {

/// How this processor multiplies 8-bit integers.
struct Int8Kernels {
  /// Whether it adds up four products in one instruction without overflow (VNNI). Without, LibTorch's kernels add pairs
  /// into 16 bits, which saturates where activations use all 256 levels.
  bool dot_products = false;

  /// Steps between the lowest and the highest activation.
  int levels() const { return dot_products ? 255 : 127; }
  /// Whether a convolution can add a residual to its sums before it rounds them.
  bool fuses_add() const { return dot_products; }
};

/// Makes LibTorch pack weights for this processor: oneDNN's kernels with VNNI, else FBGEMM's.
Int8Kernels select_int8_kernels();

/// The scale and the integer of 0 that spread `levels` + 1 integers over a range that holds 0.
struct Int8Scale {
  double scale = 1.0;
  std::int64_t zero_point = 0;
};
Int8Scale int8_scale(const ValueRange& range, int levels);

/// Symmetric, one scale an output channel (dimension 0): float32 -> qint8.
at::Tensor quantise_weight(const at::Tensor& weight);

/// Weights [out, in / groups, kernel, kernel] and a bias [out] (or none), float32, as the operation quantized::conv2d
/// takes them.
c10::IValue pack_convolution(const at::Tensor& weight, const c10::IValue& bias, const ConvolutionShape& shape);

/// Weights [out, in] and a bias [out] (or none), float32, as quantized::linear_dynamic takes them.
c10::IValue pack_linear(const at::Tensor& weight, const c10::IValue& bias);

}  // namespace trainyard::inference
