#include "models/batch_norm_relu.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

namespace trainyard::models {
namespace {

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

/// One training batch norm with everything that goes in, and what comes out of it.
struct Layer {
  at::Tensor input, residual, weight, bias, running_mean, running_variance, upstream;

  Layer in_double() const {
    const auto leaf = [](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.detach().to(at::kDouble).contiguous() : at::Tensor();
    };
    return {leaf(input),        leaf(residual),         leaf(weight),  leaf(bias),
            leaf(running_mean), leaf(running_variance), leaf(upstream)};
  }
};

struct Outcome {
  at::Tensor output, running_mean, running_variance;
  std::vector<at::Tensor> gradients;  ///< of input, weight, bias and, where there is one, residual
};

template <typename Forward>
Outcome run(Layer layer, const Forward& forward) {
  std::vector<at::Tensor> leaves{layer.input, layer.weight, layer.bias};
  if (layer.residual.defined()) leaves.push_back(layer.residual);
  for (at::Tensor& leaf : leaves)
    leaf.requires_grad_(true);
  const at::Tensor output = forward(layer);
  std::vector<at::Tensor> gradients = torch::autograd::grad({output}, leaves, {layer.upstream});
  return {output.detach(), layer.running_mean, layer.running_variance, std::move(gradients)};
}

/// keeps_upstream: its memory must stay as it is; else backward may write over it.
Outcome run_fused(const Layer& layer, bool relu, bool keeps_upstream = true) {
  return run(layer, [=](const Layer& own) {
    const BatchNormState state{own.weight, own.bias, own.running_mean, own.running_variance, kMomentum, kEpsilon};
    EXPECT_TRUE(can_fuse_batch_norm(own.input, state));
    const at::Tensor output = train_batch_norm(own.input, own.residual, relu, state);
    return keeps_upstream ? output : output.mul(1.0);  // whose gradient is a tensor of its own
  });
}

Outcome run_apart(const Layer& layer, bool relu) {
  return run(layer, [relu](const Layer& own) {
    at::Tensor output = at::batch_norm(own.input, own.weight, own.bias, own.running_mean, own.running_variance,
                                       /*training=*/true, kMomentum, kEpsilon, /*cudnn_enabled=*/false);
    if (own.residual.defined()) output = output.add(own.residual);
    return relu ? output.relu() : output;
  });
}

/// Largest difference over the largest value of the reference, or over `least` where that is more.
double relative(const at::Tensor& ours, const at::Tensor& reference, double least = 1e-30) {
  const double scale = std::max(least, reference.abs().max().item<double>());
  return ours.to(at::kDouble).sub(reference).abs().max().item<double>() / scale;
}

void expect_same(const Outcome& ours, const Outcome& reference, double tolerance) {
  EXPECT_LT(relative(ours.output, reference.output), tolerance) << "output";
  EXPECT_LT(relative(ours.running_mean, reference.running_mean), tolerance) << "running mean";
  EXPECT_LT(relative(ours.running_variance, reference.running_variance), tolerance) << "running variance";
  ASSERT_EQ(ours.gradients.size(), reference.gradients.size());
  // The sums over a batch cancel: their error is measured by the size that a sum of so many values has.
  const double samples = static_cast<double>(reference.output.numel() / reference.output.size(1));
  const double leasts[] = {1e-30, std::sqrt(samples), std::sqrt(samples), 1e-30};
  const char* names[] = {"input", "weight", "bias", "residual"};
  for (std::size_t i = 0; i < reference.gradients.size(); ++i) {
    EXPECT_LT(relative(ours.gradients[i], reference.gradients[i], leasts[i]), tolerance) << "gradient of " << names[i];
  }
}

void expect_equal(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(a.output.equal(b.output));
  EXPECT_TRUE(a.running_mean.equal(b.running_mean));
  EXPECT_TRUE(a.running_variance.equal(b.running_variance));
  for (std::size_t i = 0; i < a.gradients.size(); ++i)
    EXPECT_TRUE(a.gradients[i].equal(b.gradients[i])) << i;
}

Layer make_layer(at::IntArrayRef shape, at::MemoryFormat format, bool residual, double mean = 0.5) {
  at::manual_seed(7);
  const auto values = [&] { return at::randn(shape).contiguous(format); };
  const std::int64_t channels = shape[1];
  return {values().mul_(2.0).add_(mean),
          residual ? values() : at::Tensor(),
          at::randn({channels}).add_(1.0),
          at::randn({channels}),
          at::randn({channels}),
          at::randn({channels}).abs_(),
          values()};
}

using Case = std::tuple<std::vector<std::int64_t>, bool, bool, bool>;

class BatchNormReluTest : public testing::TestWithParam<Case> {};

TEST_P(BatchNormReluTest, EqualsItsPartsInDoublePrecision) {
  const auto& [shape, channels_last, residual, relu] = GetParam();
  const Layer layer =
      make_layer(shape, channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous, residual);
  const at::Tensor upstream_before = layer.upstream.clone();
  const Outcome reference = run_apart(layer.in_double(), relu);
  Layer again = layer;
  again.running_mean = layer.running_mean.clone();
  again.running_variance = layer.running_variance.clone();
  const Outcome ours = run_fused(layer, relu);
  expect_same(ours, reference, 2e-6);
  expect_equal(run_fused(again, relu, /*keeps_upstream=*/false), ours);
  EXPECT_TRUE(layer.upstream.equal(upstream_before)) << "the caller's gradient is overwritten";
  EXPECT_EQ(ours.output.strides(), layer.input.strides());
  EXPECT_EQ(ours.gradients[0].strides(), layer.input.strides());
}

// Odd sizes, one pixel, one image, channels that fill no vector, planes and rows of more than one block.
INSTANTIATE_TEST_SUITE_P(
    Shapes, BatchNormReluTest,
    testing::Combine(testing::Values(std::vector<std::int64_t>{4, 64, 8, 8}, std::vector<std::int64_t>{3, 5, 7, 3},
                                     std::vector<std::int64_t>{7, 33, 1, 1}, std::vector<std::int64_t>{1, 17, 2, 2},
                                     std::vector<std::int64_t>{2, 1, 67, 65}, std::vector<std::int64_t>{2, 70, 13, 11}),
                     testing::Bool(), testing::Bool(), testing::Bool()));

TEST(BatchNormReluTest, AMeanFarFromZeroCostsNoMoreThanTheInputsOwnRounding) {
  for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Layer layer = make_layer({8, 24, 16, 16}, format, /*residual=*/false, /*mean=*/1000.0);
    const Outcome reference = run_apart(layer.in_double(), true);
    const Outcome ours = run_fused(layer, true);
    // float32 holds a value near 1000 to 6e-5 and the deviation is 2.
    EXPECT_LT(relative(ours.output, reference.output), 1e-4);
    EXPECT_LT(relative(ours.running_variance, reference.running_variance), 1e-5);
  }
}

TEST(BatchNormReluTest, AResidualOfAnotherMemoryFormatIsAddedInPlaceOfItsOwn) {
  Layer layer = make_layer({3, 20, 6, 5}, at::MemoryFormat::ChannelsLast, /*residual=*/true);
  layer.residual = layer.residual.contiguous();
  layer.upstream = layer.upstream.contiguous();
  const Outcome reference = run_apart(layer.in_double(), true);
  expect_same(run_fused(layer, true), reference, 2e-6);
}

TEST(BatchNormReluTest, ThreadsDoNotChangeAValue) {
  const int before = at::get_num_threads();
  for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
    const Layer layer = make_layer({4, 150, 5, 5}, format, /*residual=*/true);
    const auto outcome_of = [&](int threads) {
      at::set_num_threads(threads);
      Layer own = layer;
      own.running_mean = layer.running_mean.clone();
      own.running_variance = layer.running_variance.clone();
      return run_fused(own, true);
    };
    const Outcome one = outcome_of(1);
    const Outcome three = outcome_of(3);
    EXPECT_TRUE(one.output.equal(three.output));
    // Blocks of rows follow the channels of a thread: sums may differ in their last bits.
    for (std::size_t i = 0; i < one.gradients.size(); ++i) {
      EXPECT_LT(relative(three.gradients[i], one.gradients[i].to(at::kDouble)), 1e-6);
    }
  }
  at::set_num_threads(before);
}

TEST(BatchNormReluTest, WhatIsNotANumberStaysVisible) {
  Layer layer = make_layer({2, 3, 4, 4}, at::MemoryFormat::Contiguous, /*residual=*/false);
  layer.input.select(0, 1).select(0, 2).select(0, 0).select(0, 0).fill_(std::numeric_limits<float>::quiet_NaN());
  const Outcome ours = run_fused(layer, true);
  EXPECT_TRUE(ours.output.select(1, 2).isnan().all().item<bool>());
  EXPECT_FALSE(ours.output.select(1, 0).isnan().any().item<bool>());
}

TEST(BatchNormReluTest, OtherTypesAndLayoutsAreLeftToTheGeneralPath) {
  const Layer layer = make_layer({2, 4, 6, 6}, at::MemoryFormat::Contiguous, /*residual=*/false);
  const BatchNormState state{layer.weight, layer.bias, layer.running_mean, layer.running_variance, kMomentum, kEpsilon};
  EXPECT_TRUE(can_fuse_batch_norm(layer.input, state));
  EXPECT_FALSE(can_fuse_batch_norm(layer.input.to(at::kDouble), state));
  EXPECT_FALSE(can_fuse_batch_norm(layer.input.to(at::kHalf), state));
  EXPECT_FALSE(can_fuse_batch_norm(layer.input.slice(3, 0, 6, 2), state));
  EXPECT_FALSE(can_fuse_batch_norm(layer.input.slice(0, 0, 0), state));
}

}  // namespace
}  // namespace trainyard::models
