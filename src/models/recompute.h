#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "models/pass.h"

namespace trainyard::models {

/// A part of a model: input -> output. The same function of its input, its parameters and the default random generator
/// of the input's device in kTrain and in kRecompute.
using ForwardPart = std::function<at::Tensor(const at::Tensor& input, Pass::Mode mode)>;

/// part(input, kTrain) that keeps its input alone: backward runs the part again, with kRecompute and the random numbers
/// of the first time, and then goes back through it (Chen et al. 2016, arXiv:1604.06174). Gradients are the same bits
/// as without, those of parameters where the input needs none, too. Each parameter of a model is used within one part.
///
/// part is called while backward runs, on autograd's thread of the device: what it refers to must live until then. No
/// other thread draws from the generator meanwhile.
at::Tensor forward_recomputed(const at::Tensor& input, ForwardPart part);

}  // namespace trainyard::models
