#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "comm/communicator.h"

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

/// Whose samples the batch norms of a model take their training statistics over.
struct BatchStatistics {
  comm::Communicator* over = nullptr;                     ///< all of its ranks' samples; null: this rank's alone
  std::function<void(std::shared_ptr<comm::Work>)> wait;  ///< returns once a collective over them is done
};

/// The tensors of a model under the names that torchvision gives them, in the order they were made.
struct TensorRegistry {
  std::vector<Parameter> parameters;
  std::vector<NamedTensor> buffers;  ///< state that is not trained: batch-norm running statistics
  std::shared_ptr<BatchStatistics> statistics = std::make_shared<BatchStatistics>();  ///< the layers' too
};

}  // namespace trainyard::models
