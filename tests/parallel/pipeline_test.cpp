#include "parallel/pipeline.h"

#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm/values.h"
#include "core/error.h"
#include "parallel/micro_batches.h"
#include "parallel/single.h"
#include "steps.h"
#include "support/mpi_main.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

using config::PipelineScheduleKind;
using test::global_batch;
using test::relative_difference;
using test::slice;
using test::step;
using test::tiny_model;

constexpr int kConvolutions = 8;  // 9 stages: two parts for each of four ranks
constexpr int kSteps = 3;

config::RunConfig pipeline_config(int stages = 0) {
  config::RunConfig config = test::run_config();
  config.strategy = config::StrategyKind::kPipeline;
  config.stages = stages;
  config.batch_size = 8;
  config.micro_batches = 4;
  return config;
}

std::unique_ptr<Pipeline> pipeline(const config::RunConfig& config, std::unique_ptr<models::Model> model) {
  auto strategy = std::make_unique<Pipeline>(config, std::move(model), at::kCPU, *test::world().data);
  strategy->synchronise();
  return strategy;
}

/// As batches that a single rank accumulates.
std::vector<data::Batch> micro_batches(const data::Batch& batch, const config::RunConfig& config, int stages) {
  std::vector<data::Batch> parts;
  std::int64_t first = 0;
  for (const std::int64_t samples : micro_batch_sizes(batch.labels.size(0), config, stages)) {
    parts.push_back(slice(batch, first, samples));
    parts.back().global_samples = samples;
    first += samples;
  }
  return parts;
}

/// gather_state() gives the whole model to rank 0 alone.
void expect_same_bits(const models::TensorMap& tensors, const models::TensorMap& expected) {
  if (test::world().rank == 0) test::expect_same_bits(tensors, expected);
}

void expect_close(const models::TensorMap& tensors, const models::TensorMap& expected) {
  if (test::world().rank != 0) return;
  EXPECT_LT(relative_difference(tensors, expected), 1e-5);
}

struct Variant {
  PipelineScheduleKind schedule;
  int virtual_stages;
};

class EverySchedule : public testing::TestWithParam<Variant> {
 protected:
  config::RunConfig run_config() const {
    config::RunConfig config = pipeline_config();
    config.pipeline_schedule = GetParam().schedule;
    config.virtual_stages = GetParam().virtual_stages;
    return config;
  }
};

TEST_P(EverySchedule, GivesTheBitsOfASingleRankThatAccumulatesTheMicroBatches) {
  const config::RunConfig config = run_config();
  const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
  Single single(config, tiny_model(3, kConvolutions), at::kCPU);
  for (int i = 0; i < kSteps; ++i) {
    const data::Batch batch = global_batch(8, i, 8);
    step(*strategy, batch, 0.05);
    timing::StepTimer timer = test::quiet_timer();
    single.step(micro_batches(batch, config, test::world().size), 0.05, timer);
  }
  expect_same_bits(strategy->gather_state(), single.gather_state());
}

TEST_P(EverySchedule, GivesTheBitsOfASingleRankForBatchNormAsWell) {
  const config::RunConfig config = run_config();
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  const auto strategy = pipeline(config, resnet());
  Single single(config, resnet(), at::kCPU);
  const data::Batch batch = global_batch(8, 0, 8);
  step(*strategy, batch, 0.05);
  timing::StepTimer timer = test::quiet_timer();
  single.step(micro_batches(batch, config, test::world().size), 0.05, timer);
  expect_same_bits(strategy->gather_state(), single.gather_state());
}

TEST_P(EverySchedule, TakesBatchesOfEverySize) {
  const config::RunConfig config = run_config();
  const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
  Single single(config, tiny_model(3, kConvolutions), at::kCPU);
  for (const std::int64_t samples : {8, 7, 5, 2, 8}) {
    const data::Batch batch = global_batch(samples, static_cast<int>(samples), 8);
    step(*strategy, batch, 0.05);
    step(single, batch, 0.05);
  }
  expect_close(strategy->gather_state(), single.gather_state());
}

TEST_P(EverySchedule, TakesAllBatchesOfAStepInOnePassOfThePipeline) {
  const config::RunConfig config = run_config();
  const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
  Single single(config, tiny_model(3, kConvolutions), at::kCPU);
  const std::vector<data::Batch> batches = {global_batch(8, 0, 8), global_batch(5, 1, 8), global_batch(8, 2, 8)};
  timing::StepTimer timer = test::quiet_timer();
  strategy->step(batches, 0.05, timer);
  single.step(batches, 0.05, timer);
  expect_close(strategy->gather_state(), single.gather_state());
}

INSTANTIATE_TEST_SUITE_P(PipelineTest, EverySchedule,
                         testing::Values(Variant{PipelineScheduleKind::kGpipe, 1},
                                         Variant{PipelineScheduleKind::kOneFOneB, 1},
                                         Variant{PipelineScheduleKind::kInterleaved, 2}));

TEST(PipelineTest, ModelParallelOverRanksTakesOneBatchAtATime) {
  config::RunConfig config = pipeline_config();
  config.strategy = config::StrategyKind::kModelParallel;
  const auto strategy = make_strategy(config, tiny_model(3, kConvolutions), at::kCPU, *test::world().data);
  strategy->synchronise();
  Single single(config, tiny_model(3, kConvolutions), at::kCPU);
  const std::vector<data::Batch> batches = {global_batch(8, 0, 8), global_batch(5, 1, 8), global_batch(8, 2, 8)};
  timing::StepTimer timer = test::quiet_timer();
  const StepResult result = strategy->step(batches, 0.05, timer);
  single.step(batches, 0.05, timer);
  EXPECT_EQ(result.samples, test::world().rank == test::world().size - 1 ? 21 : 0);
  expect_same_bits(strategy->gather_state(), single.gather_state());
  const double ranks = test::world().size;
  // All but one stage wait, so that over the stages the shares of waiting add up to all but one.
  std::array<double, 1> bubbles = {strategy->predicted_bubble().value()};
  comm::all_reduce(*test::world().control, bubbles);
  EXPECT_NEAR(bubbles[0], ranks - 1.0, 1e-6);
}

TEST(PipelineTest, ReplicasOfStagesEqualASingleRankOnTheGlobalBatch) {
  const int ranks = test::world().size;
  for (int stages = 1; stages <= ranks; ++stages) {
    if (ranks % stages != 0) continue;
    const auto strategy = pipeline(pipeline_config(stages), tiny_model(3, kConvolutions));
    Single single(test::run_config(), tiny_model(3, kConvolutions), at::kCPU);
    const DataShard shard = strategy->data_shard();
    EXPECT_EQ(shard.count, ranks / stages);
    // Replica r takes r + 5 samples.
    const std::int64_t first = shard.index * (shard.index + 9) / 2;
    const std::int64_t total = shard.count * (shard.count + 9) / 2;
    for (int i = 0; i < kSteps; ++i) {
      const data::Batch batch = global_batch(total, i, 8);
      step(*strategy, slice(batch, first, shard.index + 5), 0.05);
      step(single, batch, 0.05);
    }
    SCOPED_TRACE(stages);
    expect_close(strategy->gather_state(), single.gather_state());
  }
}

TEST(PipelineTest, TheLastStageAloneHasLossAndSamples) {
  const auto strategy = pipeline(pipeline_config(), tiny_model(3, kConvolutions));
  Single single(test::run_config(), tiny_model(3, kConvolutions), at::kCPU);
  const data::Batch batch = global_batch(8, 0, 8);
  const StepResult result = step(*strategy, batch, 0.05);
  const StepResult expected = step(single, batch, 0.05);
  if (test::world().rank == test::world().size - 1) {
    EXPECT_EQ(result.samples, 8);
    EXPECT_EQ(result.correct.item<std::int64_t>(), expected.correct.item<std::int64_t>());
    EXPECT_NEAR(result.loss_sum.item<double>(), expected.loss_sum.item<double>(), 1e-4);
  } else {
    EXPECT_EQ(result.samples, 0);
    EXPECT_EQ(result.correct.item<std::int64_t>(), 0);
    EXPECT_EQ(result.loss_sum.item<double>(), 0.0);
  }
}

TEST(PipelineTest, EvaluatesAsASingleRank) {
  for (const int virtual_stages : {1, 2}) {
    config::RunConfig config = pipeline_config();
    config.virtual_stages = virtual_stages;
    if (virtual_stages > 1) config.pipeline_schedule = PipelineScheduleKind::kInterleaved;
    const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
    Single single(config, tiny_model(3, kConvolutions), at::kCPU);
    strategy->begin_evaluation();
    std::array<double, 3> sums{};
    std::array<double, 3> expected{};
    for (const std::int64_t samples : {8, 8, 3, 0}) {
      const data::Batch batch = global_batch(samples, static_cast<int>(samples), 8);
      const auto add = [](std::array<double, 3>& to, const Evaluation& part) {
        to[0] += part.loss_sum;
        to[1] += static_cast<double>(part.correct);
        to[2] += static_cast<double>(part.samples);
      };
      add(sums, strategy->evaluate(batch));
      add(expected, single.evaluate(batch));
    }
    comm::all_reduce(*test::world().control, sums);
    EXPECT_THAT(sums, testing::Pointwise(testing::DoubleNear(1e-4), expected));
  }
}

TEST(PipelineTest, StartsFromRankZerosModel) {
  const auto seed = static_cast<std::uint64_t>(test::world().rank);
  const auto strategy = pipeline(pipeline_config(), tiny_model(seed, kConvolutions));
  expect_same_bits(strategy->gather_state(), models::tensors_of(*tiny_model(0, kConvolutions)));
}

TEST(PipelineTest, EachRankHoldsItsPartAlone) {
  config::RunConfig config = pipeline_config();
  if (test::world().size == 2) config.cut = "conv3";
  const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
  const models::TensorMap state = strategy->gather_state();
  if (test::world().rank == 0) {
    EXPECT_EQ(state.size(), models::tensors_of(*tiny_model(3, kConvolutions)).size());
  } else {
    EXPECT_FALSE(state.contains("conv1.weight"));
    EXPECT_EQ(state.contains("fc.bias"), test::world().rank == test::world().size - 1);
  }
  if (test::world().size == 2 && test::world().rank == 1) {
    EXPECT_TRUE(state.contains("conv3.weight"));
    EXPECT_FALSE(state.contains("conv2.weight"));
  }
}

TEST(PipelineTest, AModelOfTooFewStagesIsRefusedOnEveryRank) {
  if (test::world().size < 4) GTEST_SKIP() << "needs more ranks than the model has stages";
  EXPECT_THROW(pipeline(pipeline_config(), tiny_model(3, 2)), core::UsageError);
}

// A stage's overflow is not seen by those behind it: the gradients of the first stage's weights alone are too large.
TEST(PipelineTest, Fp16OverflowOnOneStageSkipsTheStepOnAll) {
  config::RunConfig config = pipeline_config();
  config.precision = config::PrecisionKind::kFp16;
  const auto model = [] {
    auto scaled = tiny_model(3, kConvolutions);
    const c10::NoGradGuard no_grad;
    scaled->parameters().front().tensor.mul_(1e-4);
    return scaled;
  };
  const auto strategy = pipeline(config, model());
  const models::TensorMap before = strategy->gather_state();
  models::TensorMap copies;
  for (const auto& [name, tensor] : before)
    copies[name] = tensor.detach().clone();
  data::Batch batch = global_batch(8, 0, 8);
  batch.inputs.mul_(1e4);
  step(*strategy, batch, 0.05);
  EXPECT_EQ(strategy->skipped_steps(), 1);
  expect_same_bits(strategy->gather_state(), copies);
}

TEST(PipelineTest, Fp16EqualsASingleRank) {
  config::RunConfig config = pipeline_config();
  config.precision = config::PrecisionKind::kFp16;
  const auto strategy = pipeline(config, tiny_model(3, kConvolutions));
  Single single(config, tiny_model(3, kConvolutions), at::kCPU);
  const data::Batch batch = global_batch(8, 0, 8);
  step(*strategy, batch, 0.05);
  timing::StepTimer timer = test::quiet_timer();
  single.step(micro_batches(batch, config, test::world().size), 0.05, timer);
  EXPECT_EQ(strategy->skipped_steps(), single.skipped_steps());
  expect_same_bits(strategy->gather_state(), single.gather_state());
}

TEST(PipelineTest, WaitingForOtherStagesIsIdleTime) {
  std::vector<log::StepRow> rows;
  const auto strategy = pipeline(pipeline_config(), tiny_model(3, kConvolutions));
  timing::StepTimer timer(at::kCPU, core::steady_ns(), [&](const log::StepRow& row) { rows.push_back(row); });
  timer.start();
  const data::Batch batch = global_batch(8, 0, 8);
  strategy->step({&batch, 1}, 0.05, timer);
  timer.finish_step({});
  timer.drain();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].idle_ns > rows[0].step_ns / 50, test::world().size > 1);
  EXPECT_GT(rows[0].forward_ns, 0);
  EXPECT_GT(rows[0].backward_ns, 0);
}

TEST(PipelineTest, RanksOfTheSameStageAreAGroupThatRecordsItsAllReduces) {
  const comm::World& world = test::world();
  const auto strategy = pipeline(pipeline_config(world.size == 4 ? 2 : 0), tiny_model(3, kConvolutions));
  const std::optional<RankGroup> group = strategy->group();
  ASSERT_EQ(group.has_value(), world.size == 4) << "of one replica no rank shares its stage with another";
  if (!group) return;
  EXPECT_EQ(group->communicator->size(), 2);
  EXPECT_EQ(group->number, 1 + world.rank % 2);
  group->communicator->drain_ledger();
  step(*strategy, slice(global_batch(16, 0, 8), strategy->data_shard().index * 8, 8), 0.05);
  std::int64_t bytes = 0;
  for (const comm::CollectiveRecord& record : group->communicator->drain_ledger())
    if (record.operation == comm::Operation::kAllReduce) bytes += record.bytes;
  EXPECT_GT(bytes, 0);
}

TEST(PipelineTest, PredictsItsBubble) {
  const auto strategy = pipeline(pipeline_config(), tiny_model(3, kConvolutions));
  ASSERT_TRUE(strategy->predicted_bubble().has_value());
  if (test::world().size == 1) {
    EXPECT_EQ(*strategy->predicted_bubble(), 0.0);
  } else {
    EXPECT_GT(*strategy->predicted_bubble(), 0.0);
    EXPECT_LT(*strategy->predicted_bubble(), 1.0);
  }
}

}  // namespace
}  // namespace trainyard::parallel
