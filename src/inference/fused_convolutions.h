#pragma once

#include <torch/csrc/jit/api/module.h>

namespace trainyard::inference {

/// Makes the float32 convolutions of a frozen module (trace.h) oneDNN's own, on a CPU: each adds the residual to its
/// sums and applies the ReLU that follow it before it writes them, its weights lie in the order that its kernel wants,
/// and activations are channels last. LibTorch's own passes for inference leave sum and ReLU to operations of their
/// own, each a way through memory and back. The module can no longer be saved. One without such convolutions stays as
/// it is.
void fuse_convolutions(torch::jit::Module& module);

}  // namespace trainyard::inference
