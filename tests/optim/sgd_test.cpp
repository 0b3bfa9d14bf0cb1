#include "optim/sgd.h"

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace trainyard::optim {
namespace {

double value(const at::Tensor& tensor) {
  return tensor[0].item<double>();
}

TEST(SgdTest, FollowsMomentumAndWeightDecayByHand) {
  at::Tensor parameters = at::full({3}, 2.0f);
  Sgd sgd({.momentum = 0.9, .weight_decay = 0.1});
  const std::size_t slice = sgd.add(parameters);

  sgd.step(slice, at::ones({3}), 0.5);  // v = 1 + 0.1 * 2 = 1.2
  EXPECT_NEAR(value(parameters), 2.0 - 0.5 * 1.2, 1e-6);
  sgd.step(slice, at::ones({3}), 0.5);  // v = 0.9 * 1.2 + 1 + 0.1 * 1.4 = 2.22
  EXPECT_NEAR(value(parameters), 1.4 - 0.5 * 2.22, 1e-6);
}

TEST(SgdTest, WithoutMomentumStepsAlongTheGradient) {
  at::Tensor parameters = at::zeros({2});
  Sgd sgd({.momentum = 0.0, .weight_decay = 0.0});
  const std::size_t slice = sgd.add(parameters);
  sgd.step(slice, at::ones({2}), 0.25);
  sgd.step(slice, at::ones({2}), 0.25);
  EXPECT_NEAR(value(parameters), -0.5, 1e-7);
}

TEST(SgdTest, SlicesKeepTheirOwnMomentum) {
  at::Tensor first = at::zeros({1});
  at::Tensor second = at::zeros({1});
  Sgd sgd({.momentum = 0.5, .weight_decay = 0.0});
  const std::size_t a = sgd.add(first);
  const std::size_t b = sgd.add(second);
  sgd.step(a, at::ones({1}), 1.0);
  sgd.step(a, at::zeros({1}), 1.0);
  sgd.step(b, at::zeros({1}), 1.0);
  EXPECT_NEAR(value(first), -1.5, 1e-6);
  EXPECT_NEAR(value(second), 0.0, 1e-7);
}

TEST(SgdTest, ChangesNothingWhereAnOverflowWasFound) {
  at::Tensor parameters = at::ones({4});
  Sgd sgd({.momentum = 0.9, .weight_decay = 0.1});
  const std::size_t slice = sgd.add(parameters);
  sgd.step(slice, at::ones({4}), 1.0, at::ones({}));
  EXPECT_EQ(value(parameters), 1.0);
  sgd.step(slice, at::zeros({4}), 1.0, at::zeros({}));  // no momentum was kept either: v = 0.1
  EXPECT_NEAR(value(parameters), 0.9, 1e-6);
}

}  // namespace
}  // namespace trainyard::optim
