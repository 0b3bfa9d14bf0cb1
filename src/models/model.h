#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "config/run_config.h"
#include "models/registry.h"

namespace trainyard::models {

/// One unit of a model: models are sequences of stages, so that they can be cut between any two.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual at::Tensor forward(const at::Tensor& input, bool training) = 0;
};

/// A sequence of stages and the tensors they hold.
class Model {
 public:
  Model(TensorRegistry registry, std::vector<std::unique_ptr<Stage>> stages)
      : registry_(std::move(registry)), stages_(std::move(stages)) {}

  /// images [N, C, H, W] -> logits [N, classes]. Training mode uses and updates the batch's own statistics.
  at::Tensor forward(const at::Tensor& images, bool training) const;

  const std::vector<Parameter>& parameters() const { return registry_.parameters; }
  const std::vector<NamedTensor>& buffers() const { return registry_.buffers; }
  std::int64_t parameter_count() const;
  /// Moves every parameter and buffer, in place: handles taken before stay valid.
  void to(at::Device device);

 private:
  TensorRegistry registry_;
  std::vector<std::unique_ptr<Stage>> stages_;
};

struct ImageShape {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
};

/// The model that a configuration names, float32 on the CPU, its initial values a function of seed alone.
std::unique_ptr<Model> build(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed);

}  // namespace trainyard::models
