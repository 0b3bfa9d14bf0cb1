#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/input_shape.h"
#include "models/model.h"

namespace trainyard::models {

/// Floating-point operations that training one such sample takes: those of the model's convolutions and matrix
/// products, of multiply-adds two each. Backward has two products of the size of the forward one, for the gradients of
/// both factors, and one where the first factor is the model's own input, which needs none. Elementwise operations,
/// normalisations and what recomputation repeats are not counted, as is usual for a model's utilisation of a device
/// (Chowdhery et al. 2022, arXiv:2204.02311, appendix B).
///
/// Counted, not looked up: the layers tell what they multiply while one sample goes through the model, which must be in
/// float32 on the CPU.
std::int64_t training_flops(const Model& model, const InputShape& sample);

/// For layers: `input` is about to be multiplied with something that needs a gradient, in so many multiply-adds. It
/// costs nothing but a look at a thread's variable unless training_flops() counts.
void count_product(const at::Tensor& input, std::int64_t multiply_adds);

}  // namespace trainyard::models
