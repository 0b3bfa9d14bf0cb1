#pragma once

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/adaptive_avg_pool2d.h>

#include <memory>
#include <string>
#include <vector>

#include "models/layers.h"
#include "models/model.h"

namespace trainyard::test {

/// Convolutions and a linear layer, for images of 8 pixels, without batch normalisation: its gradients are sums over
/// samples, so that a step on two halves of a batch equals the step on the whole one. Of convolutions + 1 stages.
inline void add_tiny_stages(models::StageList& stages, models::Builder& builder, int convolutions = 2) {
  using models::Builder;
  struct Convolution final : models::Stage {
    Convolution(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out)
        : conv(builder, name, in, out, 3, 1, 1) {}
    at::Tensor forward(const at::Tensor& input, models::Pass /*pass*/) override { return conv.forward(input).relu(); }
    models::Conv2d conv;
  };
  struct Head final : models::Stage {
    explicit Head(Builder& builder) : linear(builder, "fc", 24, 10) {}
    at::Tensor forward(const at::Tensor& input, models::Pass /*pass*/) override {
      return linear.forward(at::adaptive_avg_pool2d(input, {1, 1}).flatten(1));
    }
    models::Linear linear;
  };
  stages.add<Convolution>("conv1", builder, "conv1", 3, 16);
  for (int i = 2; i <= convolutions; ++i) {
    const std::string name = "conv" + std::to_string(i);
    stages.add<Convolution>(name, builder, name, i == 2 ? 16 : 24, 24);
  }
  stages.add<Head>("head", builder);
}

inline std::unique_ptr<models::Model> tiny_model(std::uint64_t seed, int convolutions = 2) {
  models::TensorRegistry registry;
  models::Builder builder{registry, at::detail::createCPUGenerator(seed)};
  models::StageList stages(registry);
  add_tiny_stages(stages, builder, convolutions);
  std::vector<models::StageEntry> entries = stages.take();
  return std::make_unique<models::Model>(
      std::move(registry), std::move(entries),
      models::ModelOrigin{models::ImageShape{3, 8, 8}, [=] { return tiny_model(seed, convolutions); }});
}

}  // namespace trainyard::test
