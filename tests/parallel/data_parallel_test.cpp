#include "parallel/data_parallel.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "parallel/single.h"
#include "steps.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

using test::global_batch;
using test::relative_difference;
using test::step;
using test::tiny_model;

config::RunConfig dp_config(int devices) {
  config::RunConfig config = test::run_config();
  config.strategy = config::StrategyKind::kDp;
  config.devices = devices;
  return config;
}

TEST(DataParallelTest, EqualsASingleDeviceOnTheSameBatch) {
  for (const int devices : {1, 2, 3}) {
    DataParallel dp(dp_config(devices), tiny_model(3), at::kCPU);
    Single single(test::run_config(), tiny_model(3), at::kCPU);
    for (int i = 0; i < 5; ++i) {
      const data::Batch batch = global_batch(8, i, 8);
      const StepResult result = step(dp, batch, 0.05);
      const StepResult expected = step(single, batch, 0.05);
      EXPECT_EQ(result.samples, 8);
      EXPECT_EQ(result.correct.item<std::int64_t>(), expected.correct.item<std::int64_t>());
      EXPECT_NEAR(result.loss_sum.item<double>(), expected.loss_sum.item<double>(), 1e-4);
    }
    EXPECT_LT(relative_difference(dp.gather_state(), single.gather_state()), 1e-5) << devices;
  }
}

TEST(DataParallelTest, ABatchOfFewerSamplesLeavesDevicesWithout) {
  DataParallel dp(dp_config(4), tiny_model(3), at::kCPU);
  Single single(test::run_config(), tiny_model(3), at::kCPU);
  for (const std::int64_t samples : {9, 3, 8, 1}) {
    const data::Batch batch = global_batch(samples, static_cast<int>(samples), 8);
    EXPECT_EQ(step(dp, batch, 0.05).samples, samples);
    step(single, batch, 0.05);
  }
  EXPECT_LT(relative_difference(dp.gather_state(), single.gather_state()), 1e-5);
}

TEST(DataParallelTest, AccumulatesBatches) {
  DataParallel dp(dp_config(2), tiny_model(3), at::kCPU);
  Single single(test::run_config(), tiny_model(3), at::kCPU);
  const std::vector<data::Batch> batches = {global_batch(8, 0, 8), global_batch(5, 1, 8)};
  timing::StepTimer timer = test::quiet_timer();
  dp.step(batches, 0.05, timer);
  single.step(batches, 0.05, timer);
  EXPECT_LT(relative_difference(dp.gather_state(), single.gather_state()), 1e-5);
}

TEST(DataParallelTest, Fp16OverflowOnAnotherDeviceSkipsTheStep) {
  config::RunConfig config = dp_config(2);
  config.precision = config::PrecisionKind::kFp16;
  DataParallel dp(config, tiny_model(3), at::kCPU);
  const data::Batch batch = global_batch(8, 0, 8);
  step(dp, batch, 0.05);
  EXPECT_EQ(dp.skipped_steps(), 0);
  batch.inputs.narrow(0, 4, 4).mul_(1e6);
  step(dp, batch, 0.05);
  EXPECT_EQ(dp.skipped_steps(), 1);
}

// Each device's share of a batch whose halves are the same gives the whole batch's statistics.
TEST(DataParallelTest, StatisticsAreTheFirstDevices) {
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  DataParallel dp(dp_config(2), resnet(), at::kCPU);
  Single single(test::run_config(), resnet(), at::kCPU);
  const data::Batch half = global_batch(8, 0, 8);
  data::Batch whole{half.inputs.repeat({2, 1, 1, 1}), half.labels.repeat({2}), 16};
  whole.inputs.narrow(0, 8, 8).mul_(3.0);
  for (int i = 0; i < 2; ++i)
    step(dp, whole, 1e-9);
  for (int i = 0; i < 2; ++i)
    step(single, half, 1e-9);
  const at::Tensor mean = dp.gather_state().at("bn1.running_mean");
  EXPECT_LT(mean.sub(single.gather_state().at("bn1.running_mean")).abs().max().item<double>(), 1e-5);
}

TEST(DataParallelTest, CopyingOutAndSummingAreExposedCommunication) {
  std::vector<log::StepRow> rows;
  DataParallel dp(dp_config(2), tiny_model(3), at::kCPU);
  timing::StepTimer timer(at::kCPU, core::steady_ns(), [&](const log::StepRow& row) { rows.push_back(row); });
  timer.start();
  const data::Batch batch = global_batch(8, 0, 8);
  const StepResult result = dp.step({&batch, 1}, 0.05, timer);
  timer.finish_step({});
  timer.drain();
  std::int64_t comm_ns = 0;
  for (const auto& work : result.collectives) {
    EXPECT_TRUE(work->done());
    comm_ns += work->interval().end_ns - work->interval().start_ns;
  }
  EXPECT_GT(rows.at(0).exposed_comm_ns, 0);
  EXPECT_GT(comm_ns, rows.at(0).exposed_comm_ns / 2);
}

TEST(DataParallelTest, GivesTheThreadsBackAfterAStep) {
  const int threads = at::get_num_threads();
  at::set_num_threads(4);
  DataParallel dp(dp_config(2), tiny_model(3), at::kCPU);
  step(dp, global_batch(8, 0, 8), 0.05);
  EXPECT_EQ(at::get_num_threads(), 4);
  at::set_num_threads(threads);
}

}  // namespace
}  // namespace trainyard::parallel
