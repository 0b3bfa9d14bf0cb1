#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/randint.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/layers.h"
#include "models/model.h"

namespace trainyard::test {

/// A ResNet-18 of ten classes for images of 32 pixels whose batch norms have statistics as training leaves them: other
/// than the initial ones, so that folding them shows.
inline std::shared_ptr<models::Model> small_resnet(config::Model kind = config::Model::kResnet18) {
  const c10::NoGradGuard no_grad;
  std::shared_ptr<models::Model> model = models::build(kind, {3, 32, 32}, 10, /*seed=*/5);
  const at::Generator generator = at::detail::createCPUGenerator(6);
  for (const models::NamedTensor& buffer : model->buffers()) {
    at::Tensor values = buffer.tensor;
    if (buffer.name.ends_with("running_mean")) values.uniform_(-0.5, 0.5, generator);
    if (buffer.name.ends_with("running_var")) values.uniform_(0.5, 1.5, generator);
  }
  return model;
}

/// A RoBERTa of two classes for up to 24 tokens of 300.
inline std::shared_ptr<models::Model> small_roberta() {
  config::RunConfig config;
  config.model = config::Model::kRobertaTiny;
  return models::build(config, models::TokenShape{.length = 24, .vocabulary = 300, .padding = 1}, 2);
}

/// Token ids int64 [n, length]; every second sequence is half as long, and filled up.
inline at::Tensor token_batch(std::int64_t n, std::int64_t length) {
  at::Tensor tokens = at::randint(2, 300, {n, length}, at::kLong);
  tokens.slice(0, 1, std::nullopt, 2).slice(1, length / 2).fill_(1);
  return tokens;
}

/// How often a module's graph has each operation.
inline std::map<std::string, int> operations(const torch::jit::Module& module) {
  std::map<std::string, int> counts;
  for (const torch::jit::Node* node : module.get_method("forward").graph()->nodes())
    ++counts[node->kind().toQualString()];
  return counts;
}

/// A model of one stage with two convolutions of 8 channels, which a test puts together as it likes.
class FreeModel {
 public:
  using Forward = std::function<at::Tensor(const at::Tensor&, const models::Conv2d&, const models::Conv2d&)>;

  static std::shared_ptr<models::Model> make(Forward forward) {
    models::TensorRegistry registry;
    models::Builder builder{registry, at::detail::createCPUGenerator(7)};
    models::StageList stages(registry);
    stages.add<Only>("only", builder, std::move(forward));
    std::vector<models::StageEntry> entries = stages.take();
    return std::make_shared<models::Model>(std::move(registry), std::move(entries));
  }

 private:
  struct Only final : models::Stage {
    Only(models::Builder& builder, Forward forward_of)
        : first(builder, "first", 8, 8, 3, 1, 1),
          second(builder, "second", 8, 8, 3, 1, 1),
          call(std::move(forward_of)) {}
    at::Tensor forward(const at::Tensor& input, models::Pass /*pass*/) override { return call(input, first, second); }
    models::Conv2d first;
    models::Conv2d second;
    Forward call;
  };
};

}  // namespace trainyard::test
