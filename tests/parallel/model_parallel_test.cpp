#include "parallel/model_parallel.h"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "parallel/single.h"
#include "steps.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

using test::expect_same_bits;
using test::global_batch;
using test::step;
using test::tiny_model;

config::RunConfig mp_config(int devices) {
  config::RunConfig config = test::run_config();
  config.strategy = config::StrategyKind::kModelParallel;
  config.devices = devices;
  return config;
}

TEST(ModelParallelTest, GivesTheBitsOfASingleDevice) {
  for (const config::PrecisionKind precision : {config::PrecisionKind::kFp32, config::PrecisionKind::kFp16}) {
    for (const int devices : {1, 2, 4}) {
      config::RunConfig config = mp_config(devices);
      config.precision = precision;
      const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
      ModelParallel parts(config, resnet(), at::kCPU);
      Single single(config, resnet(), at::kCPU);
      for (int i = 0; i < 2; ++i) {
        const std::vector<data::Batch> batches = {global_batch(4, i, 8), global_batch(3, i + 7, 8)};
        timing::StepTimer timer = test::quiet_timer();
        const StepResult result = parts.step(batches, 0.01, timer);
        const StepResult expected = single.step(batches, 0.01, timer);
        EXPECT_EQ(result.samples, 7);
        EXPECT_TRUE(at::equal(result.loss_sum, expected.loss_sum));
        EXPECT_TRUE(at::equal(result.correct, expected.correct));
      }
      EXPECT_EQ(parts.skipped_steps(), single.skipped_steps());
      expect_same_bits(parts.gather_state(), single.gather_state());
      const data::Batch batch = global_batch(8, 3, 8);
      EXPECT_EQ(parts.evaluate(batch).loss_sum, single.evaluate(batch).loss_sum);
    }
  }
}

TEST(ModelParallelTest, Fp16OverflowInOnePartSkipsTheStepInAll) {
  config::RunConfig config = mp_config(2);
  config.precision = config::PrecisionKind::kFp16;
  auto model = tiny_model(3, 6);
  {
    const c10::NoGradGuard no_grad;
    model->parameters().front().tensor.mul_(1e-4);
  }
  ModelParallel parts(config, std::move(model), at::kCPU);
  models::TensorMap before;
  for (const auto& [name, tensor] : parts.gather_state())
    before[name] = tensor.detach().clone();
  const data::Batch batch = global_batch(8, 0, 8);
  batch.inputs.mul_(1e4);
  step(parts, batch, 0.05);
  EXPECT_EQ(parts.skipped_steps(), 1);
  expect_same_bits(parts.gather_state(), before);
}

TEST(ModelParallelTest, IsCutWhereTheConfigurationSays) {
  config::RunConfig config = mp_config(2);
  config.cut = "nowhere";
  EXPECT_THROW(ModelParallel(config, tiny_model(3), at::kCPU), core::UsageError);
  config.cut = "conv2";
  EXPECT_NO_THROW(ModelParallel(config, tiny_model(3), at::kCPU));
  EXPECT_THROW(ModelParallel(mp_config(4), tiny_model(3), at::kCPU), core::UsageError) << "more devices than stages";
}

TEST(ModelParallelTest, NothingIdlesWhereAllDevicesAreOne) {
  std::vector<log::StepRow> rows;
  ModelParallel parts(mp_config(2), tiny_model(3), at::kCPU);
  timing::StepTimer timer(at::kCPU, core::steady_ns(), [&](const log::StepRow& row) { rows.push_back(row); });
  timer.start();
  const data::Batch batch = global_batch(8, 0, 8);
  parts.step({&batch, 1}, 0.05, timer);
  timer.finish_step({});
  timer.drain();
  EXPECT_EQ(rows.at(0).idle_ns, 0);
  EXPECT_GT(rows.at(0).forward_ns, 0);
  EXPECT_GT(rows.at(0).backward_ns, 0);
  EXPECT_EQ(parts.predicted_bubble(), 0.0);
}

}  // namespace
}  // namespace trainyard::parallel
