#include "inference/value_histogram.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/dequantize.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "inference/int8.h"

namespace trainyard::inference {
namespace {

ValueRange range_of(const at::Tensor& values, int levels = 255) {
  ValueHistogram histogram;
  histogram.add(values);
  return histogram.best_range(levels);
}

/// Mean squared error of rounding to the range's numbers.
double rounding_error(const at::Tensor& values, const ValueRange& range, int levels = 255) {
  const double step = (range.high - range.low) / levels;
  const at::Tensor rounded =
      values.clamp(range.low, range.high).sub(range.low).div(step).round().mul(step).add(range.low);
  return rounded.sub(values).square().mean().item<double>();
}

TEST(ValueHistogram, KeepsAllOfEvenlySpreadValues) {
  const ValueRange range = range_of(at::rand({100'000}).mul(3).sub(1));
  EXPECT_NEAR(range.low, -1.0, 0.02);
  EXPECT_NEAR(range.high, 2.0, 0.02);
}

TEST(ValueHistogram, ClipsAFewLargeValuesWhereThatRoundsTheOthersBetter) {
  const at::Tensor values = at::cat({at::randn({1'000'000}), at::full({1}, 20.0)});
  const ValueRange range = range_of(values);
  EXPECT_LT(range.high, 12.0);
  EXPECT_LT(rounding_error(values, range), 0.6 * rounding_error(values, {values.min().item<double>(), 20.0}));
}

TEST(ValueHistogram, ARangeHoldsZero) {
  EXPECT_EQ(range_of(at::rand({1000}).add(2)).low, 0.0);
  EXPECT_EQ(range_of(at::rand({1000}).sub(5)).high, 0.0);
  EXPECT_EQ(range_of(at::zeros({1000})).high, 0.0);
}

TEST(ValueHistogram, LargerValuesThatComeLaterWidenIt) {
  const at::Tensor small = at::randn({10'000}).mul(1e-3);
  const at::Tensor large = at::randn({10'000}).mul(50);
  ValueHistogram apart;
  apart.add(small);
  apart.add(large);
  const ValueRange together = range_of(at::cat({small, large}));
  EXPECT_NEAR(apart.best_range(255).high, together.high, 0.01 * together.high);
  EXPECT_NEAR(apart.best_range(255).low, together.low, -0.01 * together.low);
}

TEST(ValueHistogram, ValuesThatAreNotFiniteAreRefused) {
  ValueHistogram histogram;
  EXPECT_THROW(histogram.add(at::full({3}, INFINITY)), core::Error);
  EXPECT_THROW(histogram.add(at::full({3}, NAN)), core::Error);
}

TEST(Int8Scale, TheIntegerOfZeroStandsForZeroAndTheEndsForTheEnds) {
  const Int8Scale scale = int8_scale({-1.0, 3.0}, 255);
  EXPECT_EQ(scale.zero_point, 64);
  EXPECT_NEAR((0 - 64) * scale.scale, -1.0, scale.scale);
  EXPECT_NEAR((255 - 64) * scale.scale, 3.0, scale.scale);
  EXPECT_EQ(int8_scale({0.0, 2.0}, 127).zero_point, 0);
  EXPECT_GT(int8_scale({0.0, 0.0}, 255).scale, 0.0) << "a tensor of zeros";
}

TEST(Int8Weights, EachChannelHasItsOwnScale) {
  at::Tensor weight = at::randn({4, 3, 3, 3});
  weight[1].mul_(0.01);
  weight[2].zero_();
  const at::Tensor back = quantise_weight(weight).dequantize();
  for (const std::int64_t channel : {0, 1, 3}) {
    const double step = weight[channel].abs().max().item<double>() / 127;
    EXPECT_LE(back[channel].sub(weight[channel]).abs().max().item<double>(), 0.51 * step) << channel;
  }
  EXPECT_EQ(back[2].abs().max().item<double>(), 0.0);
}

}  // namespace
}  // namespace trainyard::inference
