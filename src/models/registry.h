#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace trainyard::models {

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};

struct Parameter {
  std::string name;
  at::Tensor tensor;            ///< a leaf that requires a gradient
  bool always_float32 = false;  ///< a normalisation's: stays float32 whatever the precision
};

/// The tensors of a model under the names that torchvision gives them, in the order they were made.
struct TensorRegistry {
  std::vector<Parameter> parameters;
  std::vector<NamedTensor> buffers;  ///< state that is not trained: batch-norm running statistics
};

}  // namespace trainyard::models
