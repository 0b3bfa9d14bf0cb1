#include "optim/adam.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

namespace trainyard::optim {
namespace {

double value(const at::Tensor& tensor) {
  return tensor[0].item<double>();
}

/// One element's Adam by the paper's formulas, in double.
class ByHand {
 public:
  ByHand(double parameter, AdamOptions options) : parameter_(parameter), options_(options) {}

  double step(double gradient, double lr) {
    ++steps_;
    if (options_.decay == AdamOptions::Decay::kDecoupled) {
      parameter_ -= lr * options_.weight_decay * parameter_;
    } else {
      gradient += options_.weight_decay * parameter_;
    }
    mean_ = 0.9 * mean_ + 0.1 * gradient;
    variance_ = 0.999 * variance_ + 0.001 * gradient * gradient;
    const double mean = mean_ / (1 - std::pow(0.9, steps_));
    const double variance = variance_ / (1 - std::pow(0.999, steps_));
    parameter_ -= lr * mean / (std::sqrt(variance) + 1e-8);
    return parameter_;
  }

 private:
  double parameter_;
  AdamOptions options_;
  int steps_ = 0;
  double mean_ = 0.0;
  double variance_ = 0.0;
};

class AdamTest : public ::testing::TestWithParam<AdamOptions::Decay> {};

TEST_P(AdamTest, FollowsThePapersFormulas) {
  const AdamOptions options{.weight_decay = 0.1, .decay = GetParam()};
  at::Tensor parameters = at::full({3}, 2.0f);
  Adam adam(options);
  const std::size_t slice = adam.add(parameters);
  ByHand by_hand(2.0, options);
  for (const float gradient : {1.0f, -0.5f, 0.25f, 2.0f}) {
    adam.step(slice, at::full({3}, gradient), 0.1);
    EXPECT_NEAR(value(parameters), by_hand.step(gradient, 0.1), 1e-5);
  }
}

INSTANTIATE_TEST_SUITE_P(Decays, AdamTest, ::testing::Values(AdamOptions::Decay::kL2, AdamOptions::Decay::kDecoupled),
                         [](const auto& parameter) {
                           return parameter.param == AdamOptions::Decay::kL2 ? "adam" : "adamw";
                         });

TEST(AdamTest, ASkippedStepCountsNowhere) {
  at::Tensor parameters = at::ones({4});
  Adam adam({});
  const std::size_t slice = adam.add(parameters);
  adam.step(slice, at::ones({4}), 0.5, at::ones({}));
  EXPECT_EQ(value(parameters), 1.0);
  adam.step(slice, at::full({4}, 3.0f), 0.5, at::zeros({}));  // a first step: lr times the gradient's sign
  EXPECT_NEAR(value(parameters), 0.5, 1e-5);
}

TEST(AdamTest, KeepsTwoTensorsOfTheParametersSizeAndACount) {
  Adam adam({});
  adam.add(at::ones({10}));
  adam.add(at::ones({20}));
  std::int64_t elements = 0;
  for (const std::size_t slice : {0, 1}) {
    for (const OptimizerState& state : adam.state(slice))
      elements += state.tensor.numel();
  }
  EXPECT_EQ(elements, 2 * 30 + 2);
}

}  // namespace
}  // namespace trainyard::optim
