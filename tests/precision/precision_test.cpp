#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>

#include "config/enum_names.h"
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

TEST(PolicyTest, Tf32IsForTheDeviceAloneAndACpuRunSaysSo) {
  const Policy on_cpu = Policy::make(config::PrecisionKind::kTf32, at::kCPU);
  EXPECT_TRUE(at::globalContext().allowTF32CuDNN());
  EXPECT_FALSE(on_cpu.note().empty());
  EXPECT_EQ(on_cpu.activation_dtype(), at::kFloat);
  Policy::make(config::PrecisionKind::kFp32, at::kCPU);
  EXPECT_FALSE(at::globalContext().allowTF32CuDNN());
}

class SixteenBitTest : public testing::TestWithParam<std::pair<config::PrecisionKind, at::ScalarType>> {};

TEST_P(SixteenBitTest, HalvesTheWeightsButNotBatchNorm) {
  const auto [kind, type] = GetParam();
  const Policy policy = Policy::make(kind, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {}, 10, 0);
  policy.prepare(*model);
  EXPECT_EQ(policy.scales_loss(), type == at::kHalf) << "bfloat16 has the exponents of float32";
  EXPECT_EQ(policy.note().empty(), type != at::kHalf) << "a CPU run in half must say how it computes";
  for (const models::Parameter& parameter : model->parameters()) {
    const bool batch_norm =
        parameter.name.find("bn") != std::string::npos || parameter.name.find("downsample.1") != std::string::npos;
    EXPECT_EQ(parameter.tensor.scalar_type(), batch_norm ? at::kFloat : type) << parameter.name;
  }
}

TEST_P(SixteenBitTest, ActivationsAreOfTheTypeThroughout) {
  const auto [kind, type] = GetParam();
  const Policy policy = Policy::make(kind, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 0);
  policy.prepare(*model);
  const at::Tensor logits = model->forward(at::ones({4, 3, 8, 8}, type), models::Pass::kTrain);
  EXPECT_EQ(logits.scalar_type(), type);
}

TEST_P(SixteenBitTest, TellsTheBytesOfTheModel) {
  const auto [kind, type] = GetParam();
  const Policy policy = Policy::make(kind, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {}, 10, 0);
  const std::int64_t told = policy.bytes_of(*model);
  policy.prepare(*model);
  std::int64_t held = 0;
  for (const models::Parameter& parameter : model->parameters())
    held += static_cast<std::int64_t>(parameter.tensor.nbytes());
  for (const models::NamedTensor& buffer : model->buffers())
    held += static_cast<std::int64_t>(buffer.tensor.nbytes());
  EXPECT_EQ(told, held);
}

INSTANTIATE_TEST_SUITE_P(Types, SixteenBitTest,
                         testing::Values(std::pair(config::PrecisionKind::kFp16, at::kHalf),
                                         std::pair(config::PrecisionKind::kBf16, at::kBFloat16)),
                         [](const auto& parameter) { return std::string(config::name_of(parameter.param.first)); });

TEST(PolicyTest, AmpKeepsTheWeightsAndCastsTheLayers) {
  const Policy policy = Policy::make(config::PrecisionKind::kAmp, at::kCPU);
  const auto model = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 0);
  policy.prepare(*model);
  EXPECT_FALSE(policy.scales_loss()) << "bfloat16 on a CPU";
  EXPECT_FALSE(policy.note().empty());
  const at::Tensor logits = model->forward(at::ones({4, 3, 8, 8}), models::Pass::kTrain);
  EXPECT_EQ(logits.scalar_type(), at::kBFloat16);
  for (const models::Parameter& parameter : model->parameters())
    EXPECT_EQ(parameter.tensor.scalar_type(), at::kFloat);
  EXPECT_FALSE(at::autocast::is_autocast_enabled(at::kCPU)) << "autocast ends with the pass";
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
