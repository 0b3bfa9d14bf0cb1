#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include "models/model.h"

namespace trainyard::inference {

/// The evaluation pass of a model as a frozen TorchScript module: a straight line of operations whose weights are
/// constants, batch norms folded into the convolutions before them. The model's own tensors are not changed.
/// example: a batch as the model takes it, on its device and in its type; other batch sizes run as well.
torch::jit::Module traced_and_frozen(const models::Model& model, const at::Tensor& example);

/// Gives a module the method `forward`. The graph's first input is the module itself.
void define_forward(torch::jit::Module& module, std::shared_ptr<torch::jit::Graph> graph);

}  // namespace trainyard::inference
