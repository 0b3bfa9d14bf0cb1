#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "config/enum_names.h"
#include "parallel/flat_parameters.h"
#include "parallel/gradient_hooks.h"
#include "parallel/single.h"
#include "steps.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

/// Three classes, each bright in one channel.
data::Batch make_batch(std::int64_t samples) {
  data::Batch batch{at::randn({samples, 3, 8, 8}), at::arange(samples).remainder(3), samples};
  for (std::int64_t i = 0; i < samples; ++i)
    batch.inputs[i][i % 3].add_(2.0);
  return batch;
}

at::Tensor mean_loss(const models::Model& model, const data::Batch& batch) {
  return at::cross_entropy_loss(model.forward(batch.inputs, models::Pass::kTrain), batch.labels);
}

TEST(FlatParametersTest, KeepTheModelsValuesAndShareItsMemory) {
  for (const config::MemoryFormat format : {config::MemoryFormat::kContiguous, config::MemoryFormat::kChannelsLast}) {
    const auto reference = test::tiny_model(5);
    const auto model = test::tiny_model(5);
    FlatParameters flat(*model, {.format = format});
    for (std::size_t i = 0; i < model->parameters().size(); ++i) {
      EXPECT_TRUE(at::equal(model->parameters()[i].tensor, reference->parameters()[i].tensor));
      EXPECT_EQ(flat.gradient(i).strides(), model->parameters()[i].tensor.strides());
    }
    flat.buckets()[0].parameters.zero_();
    EXPECT_EQ(model->parameters()[0].tensor.abs().sum().item<float>(), 0.0f);
  }
}

TEST(GradientHooksTest, WriteTheSameGradientsAsAutogradAccumulates) {
  const data::Batch batch = make_batch(6);
  const auto reference = test::tiny_model(1);
  torch::autograd::backward({mean_loss(*reference, batch)}, {});

  const auto model = test::tiny_model(1);
  FlatParameters flat(*model, {});
  std::vector<std::size_t> ready;
  GradientHooks hooks(*model, flat, [&](std::size_t parameter) { ready.push_back(parameter); });
  for (int step = 0; step < 2; ++step) {  // the second step must replace, not add
    hooks.begin_step();
    hooks.expect_last_backward();
    torch::autograd::backward({mean_loss(*model, batch)}, {});
    hooks.finish_step();
  }
  for (std::size_t i = 0; i < model->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(flat.gradient(i), reference->parameters()[i].tensor.grad()))
        << reference->parameters()[i].name;
    EXPECT_FALSE(model->parameters()[i].tensor.grad().defined()) << "a second copy of the gradient";
  }
  EXPECT_EQ(ready.size(), 2 * model->parameters().size());
}

TEST(GradientHooksTest, ASecondBackwardOfOneStepAdds) {
  const data::Batch batch = make_batch(4);
  const auto model = test::tiny_model(1);
  FlatParameters flat(*model, {});
  GradientHooks hooks(*model, flat, [](std::size_t) {});
  hooks.begin_step();
  torch::autograd::backward({mean_loss(*model, batch)}, {});
  const at::Tensor once = flat.gradient(0).clone();
  torch::autograd::backward({mean_loss(*model, batch)}, {});
  EXPECT_TRUE(at::allclose(flat.gradient(0), once.mul(2)));
}

TEST(GradientHooksTest, AParameterIsReadyOnceAndInTheLastBackward) {
  const data::Batch batch = make_batch(4);
  const auto model = test::tiny_model(1);
  FlatParameters flat(*model, {});
  std::size_t ready = 0;
  GradientHooks hooks(*model, flat, [&](std::size_t) { ++ready; });
  hooks.begin_step();
  torch::autograd::backward({mean_loss(*model, batch)}, {});
  EXPECT_EQ(ready, 0u);
  hooks.expect_last_backward();
  torch::autograd::backward({mean_loss(*model, batch)}, {});
  EXPECT_EQ(ready, model->parameters().size());
  hooks.finish_step();
  EXPECT_EQ(ready, model->parameters().size());
}

TEST(GradientHooksTest, SeeEachParameterOnceWhereActivationsAreRecomputed) {
  const data::Batch batch = make_batch(6);
  const auto reference = test::tiny_model(1);
  torch::autograd::backward({mean_loss(*reference, batch)}, {});

  const auto model = test::tiny_model(1);
  model->recompute(config::Checkpointing::kBlock);
  FlatParameters flat(*model, {});
  std::vector<std::size_t> ready;
  GradientHooks hooks(*model, flat, [&](std::size_t parameter) { ready.push_back(parameter); });
  hooks.begin_step();
  hooks.expect_last_backward();
  torch::autograd::backward({mean_loss(*model, batch)}, {});
  EXPECT_EQ(ready.size(), model->parameters().size());
  for (std::size_t i = 0; i < model->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(flat.gradient(i), reference->parameters()[i].tensor.grad()));
    EXPECT_FALSE(model->parameters()[i].tensor.grad().defined()) << "a second copy of the gradient";
  }
}

TEST(GradientHooksTest, ParametersThatBackwardDoesNotReachGetZerosAndAreReady) {
  const auto model = test::tiny_model(1);
  FlatParameters flat(*model, {});
  for (FlatBucket& bucket : flat.buckets())
    bucket.gradients.fill_(7);
  std::size_t ready = 0;
  GradientHooks hooks(*model, flat, [&](std::size_t) { ++ready; });
  hooks.begin_step();
  hooks.finish_step();
  EXPECT_EQ(ready, model->parameters().size());
  for (std::size_t i = 0; i < model->parameters().size(); ++i)
    EXPECT_EQ(flat.gradient(i).abs().sum().item<float>(), 0);
}

class SingleTest : public ::testing::TestWithParam<config::PrecisionKind> {};

TEST_P(SingleTest, LearnsABatchByHeart) {
  config::RunConfig config;
  config.precision = GetParam();
  config.momentum = 0.9;
  Single strategy(config, test::tiny_model(2), at::kCPU);
  const data::Batch batch = make_batch(16);
  const double first = test::step(strategy, batch, 0.05).loss_sum.item<double>();
  double last = first;
  for (int step = 0; step < 60; ++step)
    last = test::step(strategy, batch, 0.05).loss_sum.item<double>();
  EXPECT_LT(last, 0.5 * first);
  EXPECT_EQ(strategy.evaluate(batch).samples, 16);
  EXPECT_GT(strategy.evaluate(batch).correct, 8);
}

INSTANTIATE_TEST_SUITE_P(Precisions, SingleTest,
                         ::testing::Values(config::PrecisionKind::kFp32, config::PrecisionKind::kTf32,
                                           config::PrecisionKind::kAmp, config::PrecisionKind::kFp16,
                                           config::PrecisionKind::kBf16),
                         [](const auto& parameter) { return std::string(config::name_of(parameter.param)); });

TEST(SingleFp16Test, AnOverflowSkipsTheStepAndTheRunRecovers) {
  config::RunConfig config;
  config.precision = config::PrecisionKind::kFp16;
  Single strategy(config, test::tiny_model(2), at::kCPU);
  const data::Batch good = make_batch(8);
  data::Batch bad = make_batch(8);
  bad.inputs.mul_(1e6);  // infinite in half
  const at::Tensor before = strategy.gather_state().at("conv1.weight").clone();
  test::step(strategy, bad, 0.05);
  EXPECT_EQ(strategy.skipped_steps(), 1);
  EXPECT_TRUE(at::equal(strategy.gather_state().at("conv1.weight"), before));
  test::step(strategy, good, 0.05);
  EXPECT_EQ(strategy.skipped_steps(), 1);
  EXPECT_FALSE(at::equal(strategy.gather_state().at("conv1.weight"), before));
  EXPECT_TRUE(std::isfinite(strategy.evaluate(good).loss_sum));
}

TEST(SingleTest, TellsWhatItHoldsByCategory) {
  const auto memory = [](config::OptimizerKind optimizer, config::PrecisionKind precision) {
    config::RunConfig config;
    config.optimizer = optimizer;
    config.precision = precision;
    return Single(config, test::tiny_model(2), at::kCPU).memory();
  };
  const std::int64_t float_bytes = 4 * test::tiny_model(2)->parameter_count();
  const auto near = [](std::int64_t bytes) {
    return ::testing::AllOf(::testing::Ge(bytes), ::testing::Lt(1.02 * static_cast<double>(bytes)));
  };  // slots are padded

  const timing::MemoryShares sgd = memory(config::OptimizerKind::kSgd, config::PrecisionKind::kFp32);
  EXPECT_THAT(sgd.parameters, near(float_bytes));
  EXPECT_THAT(sgd.gradients, near(float_bytes));
  EXPECT_THAT(sgd.optimizer, near(float_bytes));
  EXPECT_THAT(memory(config::OptimizerKind::kAdam, config::PrecisionKind::kFp32).optimizer, near(2 * float_bytes));
  const timing::MemoryShares half = memory(config::OptimizerKind::kSgd, config::PrecisionKind::kFp16);
  EXPECT_THAT(half.parameters, near(float_bytes / 2));
  EXPECT_THAT(half.gradients, near(float_bytes / 2));
  EXPECT_THAT(half.optimizer, near(2 * float_bytes)) << "float32 masters and momentum";
}

TEST(SingleTest, AnEmptyBatchEvaluatesToNothing) {
  Single strategy({}, test::tiny_model(2), at::kCPU);
  const Evaluation result = strategy.evaluate({at::randn({0, 3, 8, 8}), at::arange(0), 0});
  EXPECT_EQ(result.samples, 0);
  EXPECT_EQ(result.loss_sum, 0.0);
}

}  // namespace
}  // namespace trainyard::parallel
