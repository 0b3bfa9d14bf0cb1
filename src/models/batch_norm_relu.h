#pragma once

#include <ATen/core/Tensor.h>

namespace trainyard::models {

/// What a training batch norm holds and how; see BatchNorm2d.
struct BatchNormState {
  const at::Tensor& weight;
  const at::Tensor& bias;
  const at::Tensor& running_mean;  ///< undefined, with running_variance: none is kept
  const at::Tensor& running_variance;
  double momentum;
  double epsilon;
};

/// True where train_batch_norm can be used: a non-empty float32 [N, C, H, W] CPU tensor, contiguous or channels last,
/// and float32 state on the CPU.
bool can_fuse_batch_norm(const at::Tensor& input, const BatchNormState& state);

/// Batch norm in training, then + residual where that is defined (of the input's shape and type), then ReLU where asked
/// for: at::batch_norm, add and relu in one operation, with their gradients. They are bound by memory, and apart they
/// read and write each activation several times: forward reads the input (and the residual) once from memory and
/// writes once, backward reads gradient, input and output once and writes the gradients. Updates the running
/// statistics, where there are any.
at::Tensor train_batch_norm(const at::Tensor& input, const at::Tensor& residual, bool relu,
                            const BatchNormState& state);

}  // namespace trainyard::models
