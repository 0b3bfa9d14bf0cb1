#include "parallel/sharded.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <tuple>

#include "config/enum_names.h"
#include "parallel/ddp.h"
#include "parallel/transient_storage.h"
#include "steps.h"
#include "support/mpi_main.h"
#include "timing/host_memory.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

using config::OptimizerKind;
using config::PrecisionKind;
using config::StrategyKind;
using test::global_batch;
using test::slice;
using test::step;

/// gather_state() gives the whole model to rank 0 alone.
void expect_same_bits(const models::TensorMap& ours, const models::TensorMap& theirs) {
  if (test::world().rank == 0) test::expect_same_bits(ours, theirs);
}

using Case = std::tuple<StrategyKind, OptimizerKind, PrecisionKind>;

class ShardedTest : public ::testing::TestWithParam<Case> {
 protected:
  ShardedTest() {
    config_.optimizer = std::get<OptimizerKind>(GetParam());
    config_.precision = std::get<PrecisionKind>(GetParam());
    config_.strategy = std::get<StrategyKind>(GetParam());
  }
  data::Batch own_part(const data::Batch& batch) const {
    const std::int64_t count = batch.labels.size(0) / world_.size;
    return slice(batch, count * world_.rank, count);
  }

  comm::World& world_ = test::world();
  config::RunConfig config_ = test::run_config();
};

// A reduce-scatter and an all-gather sum in the order in which an all-reduce does, and optimizers are elementwise.
TEST_P(ShardedTest, HasTheBitsOfDdp) {
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  config_.bucket_mb = 5;
  Sharded sharded(config_, resnet(), at::kCPU, *world_.data);
  Ddp ddp(config_, resnet(), at::kCPU, *world_.data);
  sharded.synchronise();
  ddp.synchronise();
  for (int i = 0; i < 3; ++i) {
    const data::Batch batch = own_part(global_batch(4L * world_.size, i, 8));
    const StepResult ours = step(sharded, batch, 0.01);
    const StepResult theirs = step(ddp, batch, 0.01);
    EXPECT_EQ(ours.loss_sum.item<float>(), theirs.loss_sum.item<float>());
  }
  sharded.begin_evaluation();
  ddp.begin_evaluation();
  const data::Batch batch = global_batch(8, 9, 8);
  EXPECT_EQ(sharded.evaluate(batch).loss_sum, ddp.evaluate(batch).loss_sum);
  expect_same_bits(sharded.gather_state(), ddp.gather_state());
}

TEST_P(ShardedTest, AccumulatesAsDdpDoes) {
  Sharded sharded(config_, test::tiny_model(3), at::kCPU, *world_.data);
  Ddp ddp(config_, test::tiny_model(3), at::kCPU, *world_.data);
  sharded.synchronise();
  for (int i = 0; i < 3; ++i) {
    const std::vector<data::Batch> parts{own_part(global_batch(4L * world_.size, 2 * i, 8)),
                                         own_part(global_batch(4L * world_.size, 2 * i + 1, 8))};
    timing::StepTimer timer = test::quiet_timer();
    sharded.step(parts, 0.01, timer);
    ddp.step(parts, 0.01, timer);
  }
  expect_same_bits(sharded.gather_state(), ddp.gather_state());
}

TEST_P(ShardedTest, StartsFromRankZerosModel) {
  Sharded sharded(config_, test::tiny_model(static_cast<std::uint64_t>(world_.rank)), at::kCPU, *world_.data);
  Ddp ddp(config_, test::tiny_model(static_cast<std::uint64_t>(world_.rank)), at::kCPU, *world_.data);
  sharded.synchronise();
  ddp.synchronise();
  const data::Batch batch = own_part(global_batch(4L * world_.size, 0, 8));
  step(sharded, batch, 0.01);
  step(ddp, batch, 0.01);
  expect_same_bits(sharded.gather_state(), ddp.gather_state());
}

// A rank sees only its own shard's gradients, and one that overflowed must stop all.
TEST_P(ShardedTest, AnOverflowOnOneRankSkipsTheStepOnAll) {
  if (config_.precision != PrecisionKind::kFp16) GTEST_SKIP() << "the loss is scaled in fp16 alone";
  Sharded sharded(config_, test::tiny_model(3), at::kCPU, *world_.data);
  sharded.synchronise();
  const models::TensorMap before = sharded.gather_state();
  const at::Tensor weight = world_.rank == 0 ? before.at("conv1.weight").clone() : at::Tensor();
  data::Batch batch = own_part(global_batch(4L * world_.size, 0, 8));
  if (world_.rank == world_.size - 1) batch.inputs.mul_(1e6);
  step(sharded, batch, 0.05);
  EXPECT_EQ(sharded.skipped_steps(), 1);
  const models::TensorMap after = sharded.gather_state();
  if (world_.rank == 0) {
    EXPECT_TRUE(at::equal(after.at("conv1.weight"), weight));
  }
}

std::string case_name(const testing::TestParamInfo<ShardedTest::ParamType>& parameter) {
  return std::string(config::name_of(std::get<StrategyKind>(parameter.param))) + "_" +
         std::string(config::name_of(std::get<OptimizerKind>(parameter.param))) + "_" +
         std::string(config::name_of(std::get<PrecisionKind>(parameter.param)));
}

INSTANTIATE_TEST_SUITE_P(All, ShardedTest,
                         ::testing::Combine(::testing::Values(StrategyKind::kZero1, StrategyKind::kZero2,
                                                              StrategyKind::kZero3),
                                            ::testing::Values(OptimizerKind::kSgd, OptimizerKind::kAdamW),
                                            ::testing::Values(PrecisionKind::kFp32, PrecisionKind::kFp16)),
                         case_name);
// What differs there is the step alone: no loss scale over a bfloat16 shard, autocast over a gathered stage.
INSTANTIATE_TEST_SUITE_P(Bfloat16, ShardedTest,
                         ::testing::Combine(::testing::Values(StrategyKind::kZero3),
                                            ::testing::Values(OptimizerKind::kSgd),
                                            ::testing::Values(PrecisionKind::kAmp, PrecisionKind::kBf16)),
                         case_name);

// By the count of allocations: what the strategies say of themselves is held to it first.
TEST(ShardedMemoryTest, EachStageHoldsItsShareOfOneRanksMemory) {
  timing::count_host_memory();
  comm::World& world = test::world();
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  config::RunConfig config = test::run_config();
  config.bucket_mb = 25;
  const data::Batch batch = slice(global_batch(2L * world.size, 0, 8), 2L * world.rank, 2);
  const auto held_after_a_step = [&](auto make) {
    const std::int64_t before = timing::host_memory()->allocated;
    const auto strategy = make();
    strategy->synchronise();
    step(*strategy, batch, 0.01);
    const timing::MemoryShares held = strategy->memory();
    const auto allocated = static_cast<double>(timing::host_memory()->allocated - before);
    EXPECT_NEAR(static_cast<double>(held.parameters + held.gradients + held.optimizer), allocated, 0.02 * allocated);
    return held;
  };
  const timing::MemoryShares whole =
      held_after_a_step([&] { return std::make_unique<Ddp>(config, resnet(), at::kCPU, *world.data); });
  const auto expect_share = [&](std::int64_t bytes, std::int64_t of_ddp, bool sharded) {
    const double share = sharded ? 1.0 / world.size : 1.0;
    EXPECT_NEAR(static_cast<double>(bytes) / static_cast<double>(of_ddp), share, 0.02 * share);
  };
  for (const StrategyKind strategy : {StrategyKind::kZero1, StrategyKind::kZero2, StrategyKind::kZero3}) {
    config.strategy = strategy;
    const timing::MemoryShares own =
        held_after_a_step([&] { return std::make_unique<Sharded>(config, resnet(), at::kCPU, *world.data); });
    expect_share(own.optimizer, whole.optimizer, true);
    expect_share(own.gradients, whole.gradients, strategy != StrategyKind::kZero1);
    expect_share(own.parameters, whole.parameters, strategy == StrategyKind::kZero3);
  }
}

TEST(FlatParametersTest, ShardsOfAnyNumberCoverABucketAndStartAligned) {
  for (const int ranks : {1, 2, 3, 4, 7}) {
    const auto model = test::tiny_model(1);
    const auto reference = test::tiny_model(1);
    FlatParameters flat(*model, {.bucket_mb = 0.01, .sharding = {.rank = ranks - 1, .ranks = ranks}});
    for (const FlatBucket& bucket : flat.buckets()) {
      EXPECT_EQ(bucket.parameter_shard.numel() * ranks, bucket.layout.elements);
      EXPECT_EQ(bucket.parameter_shard.numel() % kSlotAlignment, 0);
      EXPECT_EQ(bucket.parameter_shard.storage_offset(), (ranks - 1) * bucket.parameter_shard.numel());
    }
    for (std::size_t i = 0; i < model->parameters().size(); ++i)
      EXPECT_TRUE(at::equal(model->parameters()[i].tensor, reference->parameters()[i].tensor));
  }
}

TEST(FlatParametersTest, ShardedParametersAndGradientsHaveMemoryOnlyInUse) {
  const auto model = test::tiny_model(1);
  FlatParameters flat(*model, {.sharding = {.rank = 0, .ranks = 2, .gradients = true, .parameters = true}});
  ASSERT_EQ(flat.buckets().size(), model->stages().size());
  for (std::size_t i = 0; i < flat.buckets().size(); ++i) {
    const FlatBucket& bucket = flat.buckets()[i];
    EXPECT_FALSE(has_memory(bucket.gradients));
    flat.drop_parameters(i);
    EXPECT_FALSE(has_memory(bucket.parameters));
    EXPECT_TRUE(has_memory(bucket.parameter_shard));
    EXPECT_TRUE(has_memory(bucket.gradient_shard));
    flat.give_gradients(i);
    EXPECT_TRUE(has_memory(bucket.gradients));
  }
}

}  // namespace
}  // namespace trainyard::parallel
