#include "inference/quantised_graph.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "inference/fusion.h"
#include "inference/graph_runner.h"
#include "inference/int8.h"
#include "inference/networks.h"
#include "inference/trace.h"

namespace trainyard::inference {
namespace {

using models::Conv2d;
using models::Pass;
using test::operations;

/// Relative error that 8-bit weights and activations may leave in two convolutions of random weights: three times what
/// they do leave.
constexpr double kRounding = 0.1;

CalibrationBatches random_batches(at::IntArrayRef shape, int count = 4) {
  return [shape = shape.vec(), left = count]() mutable -> std::optional<at::Tensor> {
    if (left-- == 0) return std::nullopt;
    return at::randn(shape);
  };
}

/// Relative distance of the integer answers from the model's, over a batch.
double distance(const models::Model& model, const torch::jit::Module& integers, const at::Tensor& images) {
  const at::Tensor expected = model.forward(images, Pass::kEvaluate);
  const at::Tensor given = GraphRunner(integers).run(images);
  return given.sub(expected).norm().div(expected.norm()).item<double>();
}

torch::jit::Module quantised_model(const models::Model& model, at::IntArrayRef shape) {
  return quantised(traced_and_frozen(model, at::randn(shape)), random_batches(shape));
}

TEST(QuantisedGraph, AResnetComputesInIntegersFromItsInputToItsPooling) {
  const auto model = test::small_resnet();
  const auto counts = operations(quantised_model(*model, {4, 3, 32, 32}));
  const auto count = [&](const char* kind) { return counts.contains(kind) ? counts.at(kind) : 0; };
  EXPECT_EQ(count("aten::quantize_per_tensor"), 1);
  EXPECT_EQ(count("aten::dequantize"), 1);
  EXPECT_EQ(count("aten::_convolution") + count("aten::conv2d") + count("aten::relu") + count("aten::add"), 0);
  EXPECT_EQ(count("quantized::conv2d_relu"), 9) << "the stem, and the first of each block";
  EXPECT_EQ(count("quantized::linear_dynamic"), 1);
  if (select_int8_kernels().fuses_add()) {
    EXPECT_EQ(count("quantized::conv2d_add_relu"), 8);
    EXPECT_EQ(count("quantized::conv2d"), 3) << "projections";
  } else {
    EXPECT_EQ(count("quantized::add_relu"), 8);
  }
}

TEST(QuantisedGraph, AnswersNearlyAsTheModelDoes) {
  for (const config::Model kind : {config::Model::kResnet18, config::Model::kResnet50}) {
    const auto model = test::small_resnet(kind);
    const auto integers = quantised_model(*model, {4, 3, 32, 32});
    for (const std::int64_t size : {4, 1, 7})
      EXPECT_LT(distance(*model, integers, at::randn({size, 3, 32, 32})), 0.1) << size;
  }
}

TEST(QuantisedGraph, AnswersTheSameAgain) {
  const auto model = test::small_resnet();
  GraphRunner runner(quantised_model(*model, {4, 3, 32, 32}));
  const at::Tensor images = at::randn({4, 3, 32, 32});
  const at::Tensor kept = images.clone();
  const at::Tensor first = runner.run(images);
  EXPECT_TRUE(at::equal(runner.run(images), first)) << "a sum in place must not reach weights or input";
  EXPECT_TRUE(at::equal(images, kept));
}

/// Convolutions of the plan that take a residual in.
int fused_sums(const models::Model& model, at::IntArrayRef shape) {
  const auto frozen = traced_and_frozen(model, at::randn(shape));
  int count = 0;
  for (const auto& [node, fusion] : plan_fusions(*frozen.get_method("forward").graph(), /*fuse_add=*/true))
    count += node == fusion.convolution && fusion.add != nullptr;
  return count;
}

TEST(Fusion, AConvolutionTakesInAResidualThatNobodyElseReadsAfterwards) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    const at::Tensor residual = first.forward(x).relu();
    return second.forward(first.forward(residual).relu()).add(residual).relu();
  });
  EXPECT_EQ(fused_sums(*model, shape), 1);
  EXPECT_LT(distance(*model, quantised_model(*model, shape), at::randn(shape)), kRounding);
}

TEST(Fusion, AResidualThatIsReadAgainIsNotOverwritten) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    const at::Tensor residual = first.forward(x).relu();
    const at::Tensor sum = second.forward(first.forward(residual).relu()).add(residual).relu();
    return sum.add(residual);
  });
  EXPECT_EQ(fused_sums(*model, shape), 0);
  EXPECT_LT(distance(*model, quantised_model(*model, shape), at::randn(shape)), kRounding);
}

TEST(Fusion, AResidualThatTheConvolutionItselfReadsIsNotOverwritten) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    const at::Tensor residual = first.forward(x).relu();
    return second.forward(residual).add(residual).relu();
  });
  EXPECT_EQ(fused_sums(*model, shape), 0);
  EXPECT_LT(distance(*model, quantised_model(*model, shape), at::randn(shape)), kRounding);
}

TEST(Fusion, TheInputIsNeverOverwritten) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make(
      [](const at::Tensor& x, const Conv2d& first, const Conv2d& /*second*/) { return first.forward(x).add(x); });
  EXPECT_EQ(fused_sums(*model, shape), 0);
  EXPECT_LT(distance(*model, quantised_model(*model, shape), at::randn(shape)), kRounding);
}

TEST(QuantisedGraph, AShortcutOfSlicesAndZerosStaysInIntegers) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    const at::Tensor hidden = first.forward(x).relu();
    const at::Tensor shortcut = at::constant_pad_nd(hidden.slice(2, 0, 6, 2).slice(3, 0, 6, 2), {0, 0, 0, 0, 0, 0});
    return second.forward(hidden).slice(2, 0, 6, 2).slice(3, 0, 6, 2).add(shortcut).relu();
  });
  const auto integers = quantised_model(*model, shape);
  EXPECT_EQ(operations(integers).at("aten::dequantize"), 1);
  EXPECT_LT(distance(*model, integers, at::randn(shape)), kRounding);
}

TEST(QuantisedGraph, WhatHasNoFormInIntegersStaysFloat) {
  const std::vector<std::int64_t> shape{2, 8, 6, 6};
  const auto model = test::FreeModel::make([](const at::Tensor& x, const Conv2d& first, const Conv2d& second) {
    return second.forward(first.forward(x.tanh()).sigmoid()).add(1.5);
  });
  EXPECT_LT(distance(*model, quantised_model(*model, shape), at::randn(shape)), kRounding);
}

TEST(QuantisedGraph, ATextModelHasLinearLayersOfIntegersAndNeedsNoCalibration) {
  const auto model = test::small_roberta();
  const auto frozen = traced_and_frozen(*model, test::token_batch(2, 8));
  const int layers = operations(frozen).at("aten::linear");
  const auto integers = operations(quantised(frozen, random_batches({1}, 0)));
  EXPECT_EQ(integers.at("quantized::linear_dynamic"), layers);
  EXPECT_FALSE(integers.contains("aten::linear"));
  EXPECT_FALSE(integers.contains("aten::quantize_per_tensor"));
}

TEST(QuantisedGraph, WithoutCalibrationDataIsRefused) {
  const auto model = test::small_resnet();
  const auto frozen = traced_and_frozen(*model, at::randn({1, 3, 32, 32}));
  EXPECT_THROW(quantised(frozen, random_batches({1, 3, 32, 32}, 0)), core::Error);
}

}  // namespace
}  // namespace trainyard::inference
