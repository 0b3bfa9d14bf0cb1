#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <limits>

#include "models/model.h"
#include "precision/grad_scaler.h"
#include "precision/policy.h"

namespace trainyard::precision {
namespace {

TEST(PolicyTest, Fp32ChangesNothing) {
  const Policy policy = Policy::make(config::PrecisionKind::kFp32, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {}, 10, 0);
  policy.prepare(*model);
  EXPECT_FALSE(policy.scales_loss());
  EXPECT_TRUE(policy.note().empty());
  for (const models::Parameter& parameter : model->parameters())
    EXPECT_EQ(parameter.tensor.scalar_type(), at::kFloat);
}

TEST(PolicyTest, Fp16HalvesTheWeightsButNotBatchNorm) {
  const Policy policy = Policy::make(config::PrecisionKind::kFp16, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {}, 10, 0);
  policy.prepare(*model);
  EXPECT_TRUE(policy.scales_loss());
  EXPECT_FALSE(policy.note().empty()) << "a CPU run must say how it computes";
  for (const models::Parameter& parameter : model->parameters()) {
    const bool batch_norm =
        parameter.name.find("bn") != std::string::npos || parameter.name.find("downsample.1") != std::string::npos;
    EXPECT_EQ(parameter.tensor.scalar_type(), batch_norm ? at::kFloat : at::kHalf) << parameter.name;
  }
}

TEST(PolicyTest, Fp16ActivationsAreHalfThroughout) {
  const Policy policy = Policy::make(config::PrecisionKind::kFp16, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 0);
  policy.prepare(*model);
  const at::Tensor logits = model->forward(at::ones({4, 3, 8, 8}, at::kHalf), models::Pass::kTrain);
  EXPECT_EQ(logits.scalar_type(), at::kHalf);
}

TEST(GradScalerTest, UnscalesToTheGradientOfTheLoss) {
  GradScaler scaler(at::kCPU);
  const at::Tensor loss = scaler.scale(at::full({}, 2.0f));
  EXPECT_EQ(loss.item<float>(), 2.0f * 65536.0f);
  std::vector<at::Tensor> gradients{at::full({3}, 65536.0f)};
  scaler.unscale(gradients);
  EXPECT_EQ(gradients[0][1].item<float>(), 1.0f);
  EXPECT_EQ(scaler.found_inf().item<float>(), 0.0f);
}

TEST(GradScalerTest, AnInfinityIsFoundHalvesTheScaleAndIsForgotten) {
  for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    GradScaler scaler(at::kCPU);
    std::vector<at::Tensor> gradients{at::ones({2}), at::full({3}, bad)};
    scaler.unscale(gradients);
    EXPECT_EQ(scaler.found_inf().item<float>(), 1.0f);
    scaler.update();
    EXPECT_EQ(scaler.value(), 32768.0);
    EXPECT_EQ(scaler.skipped(), 1);
    EXPECT_EQ(scaler.found_inf().item<float>(), 0.0f);
  }
}

TEST(GradScalerTest, GrowsAfterTwoThousandGoodSteps) {
  GradScaler scaler(at::kCPU);
  for (int step = 0; step < 1999; ++step)
    scaler.update();
  EXPECT_EQ(scaler.value(), 65536.0);
  scaler.update();
  EXPECT_EQ(scaler.value(), 131072.0);
}

}  // namespace
}  // namespace trainyard::precision
