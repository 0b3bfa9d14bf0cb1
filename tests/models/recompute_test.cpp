#include "models/recompute.h"

#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "models/model.h"

namespace trainyard::models {
namespace {

using config::Checkpointing;
using testing::ElementsAre;

void convert(const Model& model, at::ScalarType type) {
  for (const Parameter& parameter : model.parameters()) {
    const bool keeps_float = parameter.always_float32 && type == at::kHalf;
    if (!keeps_float) parameter.tensor.set_data(parameter.tensor.to(type));
  }
  for (const NamedTensor& buffer : model.buffers()) {
    if (buffer.tensor.is_floating_point() && type == at::kDouble) buffer.tensor.set_data(buffer.tensor.to(type));
  }
}

/// Two training passes of a ResNet, and what they leave.
struct Trained {
  std::unique_ptr<Model> model;
  at::Tensor images;  ///< with its gradient, where it needs one
};

Trained train(Checkpointing segments, at::ScalarType type, bool images_need_gradient) {
  at::manual_seed(5);
  Trained result{build(config::Model::kResnet18, {3, 16, 16}, 10, 1), at::randn({4, 3, 16, 16}).to(type)};
  convert(*result.model, type);
  result.images.requires_grad_(images_need_gradient);
  result.model->recompute(segments);
  const at::Tensor upstream = at::randn({4, 10}).to(type);
  for (int pass = 0; pass < 2; ++pass)
    torch::autograd::backward({result.model->forward(result.images, Pass::kTrain)}, {upstream});
  return result;
}

// float32 takes the fused batch norm, half the general one, over float32, and double LibTorch's alone.
class RecomputedResnetTest : public testing::TestWithParam<std::tuple<Checkpointing, at::ScalarType>> {};

TEST_P(RecomputedResnetTest, GradientsAndRunningStatisticsAreTheSameBits) {
  const auto& [segments, type] = GetParam();
  for (const bool images_need_gradient : {false, true}) {
    const Trained plain = train(Checkpointing::kNone, type, images_need_gradient);
    const Trained recomputed = train(segments, type, images_need_gradient);
    for (std::size_t i = 0; i < plain.model->parameters().size(); ++i) {
      const Parameter& ours = recomputed.model->parameters()[i];
      ASSERT_TRUE(ours.tensor.grad().defined()) << ours.name;
      EXPECT_TRUE(at::equal(ours.tensor.grad(), plain.model->parameters()[i].tensor.grad())) << ours.name;
    }
    for (std::size_t i = 0; i < plain.model->buffers().size(); ++i) {
      const NamedTensor& ours = recomputed.model->buffers()[i];
      EXPECT_TRUE(at::equal(ours.tensor, plain.model->buffers()[i].tensor)) << ours.name;
    }
    if (images_need_gradient) {
      EXPECT_TRUE(at::equal(recomputed.images.grad(), plain.images.grad()));
    }
  }
}

// In backward the pass's Autocast is long over.
TEST(RecomputeTest, RunsAgainUnderTheModelsAutocast) {
  const auto gradients = [](Checkpointing segments) {
    at::manual_seed(5);
    const auto model = build(config::Model::kResnet18, {3, 16, 16}, 10, 1);
    model->autocast(at::kBFloat16);
    model->recompute(segments);
    const at::Tensor logits = model->forward(at::randn({4, 3, 16, 16}), Pass::kTrain);
    torch::autograd::backward({logits}, {at::randn({4, 10}).to(at::kBFloat16)});
    std::vector<at::Tensor> result;
    for (const Parameter& parameter : model->parameters())
      result.push_back(parameter.tensor.grad());
    return result;
  };
  const std::vector<at::Tensor> plain = gradients(Checkpointing::kNone);
  const std::vector<at::Tensor> recomputed = gradients(Checkpointing::kBlock);
  for (std::size_t i = 0; i < plain.size(); ++i)
    EXPECT_TRUE(at::equal(recomputed[i], plain[i])) << i;
}

INSTANTIATE_TEST_SUITE_P(SegmentsAndTypes, RecomputedResnetTest,
                         testing::Combine(testing::Values(Checkpointing::kBlock, Checkpointing::kStage),
                                          testing::Values(at::kFloat, at::kHalf, at::kDouble)));

/// What the stages of a test model share.
struct Record {
  std::vector<std::string> calls;  ///< names of stages, with ' in a recomputation
};

/// Multiplies by a weight, and drops half of the values.
class Dropping final : public Stage {
 public:
  Dropping(TensorRegistry& registry, Record& record, std::string name)
      : record_(record), name_(std::move(name)), weight_(at::randn({4, 8})) {
    weight_.requires_grad_(true);
    registry.parameters.push_back({name_, weight_});
  }

  at::Tensor forward(const at::Tensor& input, Pass pass) override {
    record_.calls.push_back(pass == Pass::kRecompute ? name_ + "'" : name_);
    return input.mul(weight_).mul(at::rand({4, 8}).gt(0.5));
  }

 private:
  Record& record_;
  std::string name_;
  at::Tensor weight_;
};

/// Stages a, b, c and d, of which b and c are one group.
std::unique_ptr<Model> dropping_model(Record& record) {
  at::manual_seed(3);
  TensorRegistry registry;
  StageList stages(registry);
  for (const auto& [name, group] : {std::pair{"a", "first"}, {"b", "second"}, {"c", "second"}, {"d", "third"}}) {
    stages.begin_group(group);
    stages.add<Dropping>(name, registry, record, name);
  }
  std::vector<StageEntry> entries = stages.take();
  return std::make_unique<Model>(std::move(registry), std::move(entries));
}

TEST(RecomputeTest, DrawsTheRandomNumbersOfTheFirstPassAndLeavesTheGeneratorWhereItWas) {
  const auto run = [](Checkpointing segments) {
    Record record;
    const auto model = dropping_model(record);
    model->recompute(segments);
    at::manual_seed(9);
    torch::autograd::backward({model->forward(at::randn({4, 8}), Pass::kTrain).sum()}, {});
    std::vector<at::Tensor> tensors{at::rand({8})};  // what the next one draws
    for (const Parameter& parameter : model->parameters())
      tensors.push_back(parameter.tensor.grad());
    return tensors;
  };
  const std::vector<at::Tensor> plain = run(Checkpointing::kNone);
  for (const Checkpointing segments : {Checkpointing::kBlock, Checkpointing::kStage}) {
    const std::vector<at::Tensor> recomputed = run(segments);
    ASSERT_EQ(recomputed.size(), plain.size());
    for (std::size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(at::equal(recomputed[i], plain[i])) << i;
  }
}

std::vector<std::string> calls_of(Checkpointing segments, Range range) {
  Record record;
  const auto model = dropping_model(record);
  model->recompute(segments);
  torch::autograd::backward({model->forward(at::randn({4, 8}), Pass::kTrain, range).sum()}, {});
  return record.calls;
}

TEST(RecomputeTest, SegmentsAreStagesOrTheirGroupsWithinTheRange) {
  EXPECT_THAT(calls_of(Checkpointing::kNone, {0, 4}), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(calls_of(Checkpointing::kBlock, {0, 4}), ElementsAre("a", "b", "c", "d", "d'", "c'", "b'", "a'"));
  EXPECT_THAT(calls_of(Checkpointing::kStage, {0, 4}), ElementsAre("a", "b", "c", "d", "d'", "b'", "c'", "a'"));
  EXPECT_THAT(calls_of(Checkpointing::kStage, {1, 2}), ElementsAre("b", "b'"));
  EXPECT_THAT(calls_of(Checkpointing::kStage, {2, 4}), ElementsAre("c", "d", "d'", "c'"));
}

TEST(RecomputeTest, NothingIsRecomputedWhereNoGraphIsBuilt) {
  Record record;
  const auto model = dropping_model(record);
  model->recompute(Checkpointing::kBlock);
  {
    const c10::NoGradGuard no_grad;
    EXPECT_FALSE(model->forward(at::randn({4, 8}), Pass::kTrain).requires_grad());
  }
  torch::autograd::backward({model->forward(at::randn({4, 8}), Pass::kEvaluate).sum()}, {});
  EXPECT_EQ(record.calls.size(), 8u);
}

TEST(RecomputeTest, TheFirstPassKeepsNothingThatBackwardWouldNeed) {
  const at::Tensor weight = at::randn({8}).requires_grad_(true);
  const at::Tensor output = forward_recomputed(at::randn({8}), [&](const at::Tensor& input, Pass pass) {
    at::Tensor hidden = input.mul(2);
    const c10::weak_intrusive_ptr<c10::TensorImpl> inside(hidden.getIntrusivePtr());
    const at::Tensor product = hidden.mul(weight);
    hidden.reset();
    EXPECT_EQ(inside.expired(), pass == Pass::kTrain);
    return product;
  });
  torch::autograd::backward({output.sum()}, {});
  EXPECT_TRUE(weight.grad().defined());
}

}  // namespace
}  // namespace trainyard::models
