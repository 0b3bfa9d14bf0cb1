#include "models/resnet.h"

#include <ATen/Context.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <set>
#include <vector>

namespace trainyard::models {
namespace {

std::set<std::string> names(const Model& model) {
  std::set<std::string> result;
  for (const Parameter& parameter : model.parameters())
    result.insert(parameter.name);
  for (const NamedTensor& buffer : model.buffers())
    result.insert(buffer.name);
  return result;
}

// Counts of torchvision 0.26 with 1,000 classes (its weights' metadata, num_params).
TEST(ResnetTest, HasTorchvisionsParameterCounts) {
  EXPECT_EQ(build(config::Model::kResnet18, {3, 224, 224}, 1000, 0)->parameter_count(), 11'689'512);
  EXPECT_EQ(build(config::Model::kResnet34, {3, 224, 224}, 1000, 0)->parameter_count(), 21'797'672);
  EXPECT_EQ(build(config::Model::kResnet50, {3, 224, 224}, 1000, 0)->parameter_count(), 25'557'032);
}

// He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million.
TEST(ResnetTest, TheCifarFamilyHasThePapersParameterCounts) {
  EXPECT_EQ(build(config::Model::kResnet20, {}, 10, 0)->parameter_count(), 269'722);
  EXPECT_EQ(build(config::Model::kResnet32, {}, 10, 0)->parameter_count(), 464'154);
  EXPECT_EQ(build(config::Model::kResnet44, {}, 10, 0)->parameter_count(), 658'586);
  EXPECT_EQ(build(config::Model::kResnet56, {}, 10, 0)->parameter_count(), 853'018);
  EXPECT_EQ(build(config::Model::kResnet110, {}, 10, 0)->parameter_count(), 1'727'962);
}

TEST(ResnetTest, HasTorchvisionsNames) {
  const std::set<std::string> found = names(*build(config::Model::kResnet18, {}, 10, 0));
  EXPECT_EQ(found.size(), 62u + 60u);
  for (const char* name : {"conv1.weight", "bn1.running_var", "layer1.0.conv2.weight", "layer2.0.downsample.0.weight",
                           "layer2.0.downsample.1.num_batches_tracked", "layer4.1.bn2.bias", "fc.weight", "fc.bias"}) {
    EXPECT_TRUE(found.contains(name)) << name;
  }
  EXPECT_TRUE(names(*build(config::Model::kResnet50, {}, 10, 0)).contains("layer1.0.downsample.0.weight"));
}

TEST(ResnetTest, TheStemFollowsTheImageSize) {
  const auto stem_shape = [](ImageShape images) {
    return build(config::Model::kResnet18, images, 10, 0)->parameters().front().tensor.sizes().vec();
  };
  EXPECT_EQ(stem_shape({1, 8, 8}), (std::vector<std::int64_t>{64, 1, 3, 3}));
  EXPECT_EQ(stem_shape({3, 64, 64}), (std::vector<std::int64_t>{64, 3, 3, 3}));
  EXPECT_EQ(stem_shape({3, 65, 65}), (std::vector<std::int64_t>{64, 3, 7, 7}));
}

TEST(ResnetTest, GivesOneLogitPerClassAtEverySize) {
  for (const std::int64_t side : {8, 32, 96}) {
    for (const config::Model kind : {config::Model::kResnet18, config::Model::kResnet50, config::Model::kResnet20}) {
      const auto model = build(kind, {3, side, side}, 7, 0);
      EXPECT_EQ(model->forward(at::ones({2, 3, side, side}), Pass::kEvaluate).sizes(), at::IntArrayRef({2, 7}));
    }
  }
}

TEST(ResnetTest, InitialValuesAreAFunctionOfTheSeed) {
  const auto first = build(config::Model::kResnet18, {}, 10, 3);
  const auto again = build(config::Model::kResnet18, {}, 10, 3);
  const auto other = build(config::Model::kResnet18, {}, 10, 4);
  for (std::size_t i = 0; i < first->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(first->parameters()[i].tensor, again->parameters()[i].tensor));
  }
  EXPECT_FALSE(at::equal(first->parameters()[0].tensor, other->parameters()[0].tensor));
}

TEST(ResnetTest, TrainingUpdatesTheRunningStatisticsAndEvaluationDoesNot) {
  const auto model = build(config::Model::kResnet18, {3, 8, 8}, 10, 0);
  const at::Tensor images = at::randn({4, 3, 8, 8});
  const at::Tensor& mean = model->buffers()[0].tensor;
  ASSERT_EQ(model->buffers()[0].name, "bn1.running_mean");
  model->forward(images, Pass::kEvaluate);
  EXPECT_EQ(mean.abs().sum().item<float>(), 0.0f);
  model->forward(images, Pass::kTrain);
  EXPECT_GT(mean.abs().sum().item<float>(), 0.0f);
  EXPECT_EQ(model->buffers()[2].tensor.item<std::int64_t>(), 1);
}

// In double precision every layer takes LibTorch's own operations, in float32 the fused ones of batch_norm_relu.h.
TEST(ResnetTest, GradientsAreThoseOfDoublePrecision) {
  at::manual_seed(5);
  const at::Tensor images = at::randn({6, 3, 16, 16});
  const at::Tensor upstream = at::randn({6, 10});
  const auto gradients = [&](at::ScalarType type) {
    const auto model = build(config::Model::kResnet18, {3, 16, 16}, 10, 0);
    std::vector<at::Tensor> leaves;
    for (const Parameter& parameter : model->parameters()) {
      parameter.tensor.set_data(parameter.tensor.to(type));
      leaves.push_back(parameter.tensor);
    }
    for (const NamedTensor& buffer : model->buffers()) {
      if (buffer.tensor.is_floating_point()) buffer.tensor.set_data(buffer.tensor.to(type));
    }
    return torch::autograd::grad({model->forward(images.to(type), Pass::kTrain)}, leaves, {upstream.to(type)});
  };
  const std::vector<at::Tensor> ours = gradients(at::kFloat);
  const std::vector<at::Tensor> reference = gradients(at::kDouble);
  const auto model = build(config::Model::kResnet18, {3, 16, 16}, 10, 0);
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const at::Tensor difference = ours[i].to(at::kDouble).sub(reference[i]);
    EXPECT_LT((difference.norm().item<double>()) / reference[i].norm().item<double>(), 1e-4)
        << model->parameters()[i].name;
  }
}

}  // namespace
}  // namespace trainyard::models
