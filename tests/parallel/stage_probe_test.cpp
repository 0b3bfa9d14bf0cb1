#include "parallel/stage_probe.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "models/safetensors.h"

namespace trainyard::parallel {
namespace {

TEST(StageProbe, TellsTimesAndOutputsOfEveryStage) {
  const auto model = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 1);
  const std::vector<StageProbe> probes = probe_stages(*model, {}, 2, at::kCPU);
  ASSERT_EQ(probes.size(), model->stages().size());
  EXPECT_EQ(probes.front().output.sizes(), (at::IntArrayRef{2, 64, 8, 8}));
  EXPECT_EQ(probes.back().output.sizes(), (at::IntArrayRef{2, 10}));
  for (const StageProbe& probe : probes) {
    EXPECT_GT(probe.forward_ns, 0.0);
    EXPECT_GT(probe.backward_ns, 0.0);
    EXPECT_LT(probe.backward_ns, 1e10);
  }
}

TEST(StageProbe, LeavesTheModelAsItWas) {
  const auto model = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 1);
  const auto fresh = models::build(config::Model::kResnet18, {3, 8, 8}, 10, 1);
  probe_stages(*model, {}, 2, at::kCPU);
  const models::TensorMap expected = models::tensors_of(*fresh);
  for (const auto& [name, tensor] : models::tensors_of(*model)) {
    EXPECT_TRUE(at::equal(tensor, expected.at(name))) << name;
    EXPECT_FALSE(tensor.grad().defined()) << name;
  }
}

}  // namespace
}  // namespace trainyard::parallel
