#include "parallel/ddp.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "parallel/single.h"
#include "steps.h"
#include "support/mpi_main.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

constexpr int kSteps = 10;

using test::expect_same_on_all_ranks;
using test::global_batch;
using test::relative_difference;
using test::run_config;
using test::slice;
using test::step;

TEST(DdpTest, EqualsASingleRankOnTheSameGlobalBatch) {
  comm::World& world = test::world();
  const std::int64_t per_rank = 6;
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  Single single(run_config(), test::tiny_model(3), at::kCPU);
  for (int i = 0; i < kSteps; ++i) {
    const data::Batch batch = global_batch(per_rank * world.size, i, 8);
    step(ddp, slice(batch, per_rank * world.rank, per_rank), 0.05);
    step(single, batch, 0.05);
  }
  EXPECT_LT(relative_difference(ddp.gather_state(), single.gather_state()), 1e-5);
}

// Batch norm takes its statistics over a rank's own samples. Where every rank has the same samples, they are those of
// the whole batch, so the full ResNet can be compared too.
TEST(DdpTest, EqualsASingleRankWithBatchNormWhereRanksSeeTheSameStatistics) {
  comm::World& world = test::world();
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  config::RunConfig config = run_config();
  config.bucket_mb = 25;
  Ddp ddp(config, resnet(), at::kCPU, *world.data);
  Single single(config, resnet(), at::kCPU);
  for (int i = 0; i < 3; ++i) {
    data::Batch part = global_batch(8, i, 8);
    const data::Batch whole{part.inputs.repeat({world.size, 1, 1, 1}), part.labels.repeat({world.size}),
                            8L * world.size};
    part.global_samples = whole.global_samples;
    step(ddp, part, 0.01);
    step(single, whole, 0.01);
  }
  EXPECT_LT(relative_difference(ddp.gather_state(), single.gather_state()), 1e-4);
}

// With statistics over all ranks' samples, ranks with different samples are one rank with the whole batch.
TEST(DdpTest, SynchronisedBatchNormEqualsASingleRankOnTheSameGlobalBatch) {
  comm::World& world = test::world();
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 16, 16}, 10, 3); };
  config::RunConfig config = run_config();
  config.bucket_mb = 25;
  config.sync_batchnorm = true;
  Ddp ddp(config, resnet(), at::kCPU, *world.data);
  Single single(config, resnet(), at::kCPU);
  for (int i = 0; i < 3; ++i) {
    const data::Batch whole = global_batch(8L * world.size, i, 16);
    step(ddp, slice(whole, 8L * world.rank, 8), 0.001);
    step(single, whole, 0.001);
  }
  const models::TensorMap ours = ddp.gather_state();
  const models::TensorMap theirs = single.gather_state();
  EXPECT_LT(relative_difference(ours, theirs), 5e-5);  // rounding makes 1e-5, statistics of each rank alone 4e-4
  for (const char* name : {"bn1.running_mean", "bn1.running_var", "layer4.1.bn2.running_var"})
    EXPECT_TRUE(at::allclose(ours.at(name), theirs.at(name), 1e-4, 1e-5)) << name;
}

// Its layers wait in the midst of forward and backward, which is communication like any other.
TEST(DdpTest, SynchronisedBatchNormsWaitingIsExposedCommunication) {
  comm::World& world = test::world();
  const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
  config::RunConfig config = run_config();
  Ddp plain(config, resnet(), at::kCPU, *world.data);
  config.sync_batchnorm = true;
  Ddp ddp(config, resnet(), at::kCPU, *world.data);
  const data::Batch batch = slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4);
  std::vector<timing::Phase> ended;
  timing::StepTimer timer = test::quiet_timer();
  timer.observe([&](timing::Phase phase) { ended.push_back(phase); });
  const std::size_t works = ddp.step({&batch, 1}, 0.05, timer).collectives.size();
  const std::vector<timing::Phase> around_a_layer{timing::Phase::kForward, timing::Phase::kExposedComm,
                                                  timing::Phase::kForward, timing::Phase::kExposedComm};
  EXPECT_FALSE(std::ranges::search(ended, around_a_layer).empty());
  const std::vector<timing::Phase> in_backward{timing::Phase::kBackward, timing::Phase::kExposedComm,
                                               timing::Phase::kBackward};
  EXPECT_FALSE(std::ranges::search(ended, in_backward).empty());
  EXPECT_GT(works, step(plain, batch, 0.05).collectives.size()) << "they are in the step's communication, too";
}

TEST(DdpTest, UnevenSlicesDoNotBiasTheGradient) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  Single single(run_config(), test::tiny_model(3), at::kCPU);
  // Rank r takes r + 2 samples.
  const std::int64_t first = world.rank * (world.rank + 3) / 2;
  const std::int64_t total = world.size * (world.size + 3) / 2;
  for (int i = 0; i < kSteps; ++i) {
    const data::Batch batch = global_batch(total, i, 8);
    step(ddp, slice(batch, first, world.rank + 2), 0.05);
    step(single, batch, 0.05);
  }
  EXPECT_LT(relative_difference(ddp.gather_state(), single.gather_state()), 1e-5);
}

TEST(DdpTest, AccumulatedBatchesEqualOneLargeBatchAndReduceOnce) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  Single single(run_config(), test::tiny_model(3), at::kCPU);
  const int accumulate = 3;
  Ddp other(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  const StepResult once = step(other, slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05);
  for (int i = 0; i < kSteps; ++i) {
    const std::int64_t global = 4L * world.size;
    const data::Batch whole = global_batch(global * accumulate, i, 8);
    std::vector<data::Batch> parts;
    for (int part = 0; part < accumulate; ++part) {
      parts.push_back(slice(whole, part * global + 4L * world.rank, 4));
      parts.back().global_samples = global;
    }
    timing::StepTimer timer = test::quiet_timer();
    const StepResult result = ddp.step(parts, 0.05, timer);
    EXPECT_EQ(result.samples, 4 * accumulate);
    EXPECT_EQ(result.collectives.size(), once.collectives.size()) << "a reduction inside the accumulation window";
    step(single, whole, 0.05);
  }
  EXPECT_LT(relative_difference(ddp.gather_state(), single.gather_state()), 1e-5);
}

std::unique_ptr<Strategy> trained(config::RunConfig config, std::unique_ptr<models::Model> model) {
  comm::World& world = test::world();
  config.strategy = config::StrategyKind::kDdp;
  auto ddp = make_strategy(config, std::move(model), at::kCPU, *world.data);
  for (int i = 0; i < 3; ++i)
    step(*ddp, slice(global_batch(4L * world.size, i, 8), 4L * world.rank, 4), 0.05);
  return ddp;
}

TEST(DdpTest, RecomputingActivationsChangesNoBitOfAModel) {
  for (const auto precision : {config::PrecisionKind::kFp32, config::PrecisionKind::kFp16}) {
    config::RunConfig config = run_config();
    config.bucket_mb = 25;
    config.precision = precision;
    const auto resnet = [] { return models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3); };
    const models::TensorMap plain = trained(config, resnet())->gather_state();
    config.activation_checkpointing = config::Checkpointing::kStage;
    const models::TensorMap recomputed = trained(config, resnet())->gather_state();
    for (const auto& [name, tensor] : plain)
      EXPECT_TRUE(at::equal(recomputed.at(name), tensor)) << name;
  }
}

TEST(DdpTest, ABucketIsReducedWhileEarlierStagesAreRecomputed) {
  struct Watched final : models::Stage {
    at::Tensor forward(const at::Tensor& input, models::Pass pass) override {
      if (pass == models::Pass::kRecompute) *recomputed_ns = core::steady_ns();
      return input.mul(1);
    }
    explicit Watched(std::int64_t* when) : recomputed_ns(when) {}
    std::int64_t* recomputed_ns;
  };
  std::int64_t recomputed_ns = 0;
  models::TensorRegistry registry;
  models::Builder builder{registry, at::detail::createCPUGenerator(1)};
  models::StageList stages(registry);
  stages.add<Watched>("watched", &recomputed_ns);
  test::add_tiny_stages(stages, builder);
  std::vector<models::StageEntry> entries = stages.take();
  auto model = std::make_unique<models::Model>(std::move(registry), std::move(entries));
  model->recompute(config::Checkpointing::kBlock);

  comm::World& world = test::world();
  Ddp ddp(run_config(), std::move(model), at::kCPU, *world.data);
  const StepResult result = step(ddp, slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05);
  ASSERT_GT(recomputed_ns, 0);
  EXPECT_LT(result.collectives.front()->interval().enqueue_ns, recomputed_ns);
}

TEST(DdpTest, StartsFromRankZerosModel) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(static_cast<std::uint64_t>(world.rank)), at::kCPU, *world.data);
  ddp.synchronise();
  EXPECT_EQ(relative_difference(ddp.gather_state(), models::tensors_of(*test::tiny_model(0))), 0.0);
}

// In fp16 the optimizer steps fp32 masters, which must follow rank 0's model as well.
TEST(DdpTest, Fp16RanksThatStartFromRankZerosModelStayTogether) {
  comm::World& world = test::world();
  config::RunConfig config = run_config();
  config.precision = config::PrecisionKind::kFp16;
  Ddp ddp(config, test::tiny_model(static_cast<std::uint64_t>(world.rank)), at::kCPU, *world.data);
  ddp.synchronise();
  step(ddp, slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05);
  EXPECT_EQ(ddp.skipped_steps(), 0);
  expect_same_on_all_ranks(ddp.gather_state(), *world.data);
}

TEST(DdpTest, ValidationUsesRankZerosStatistics) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3), at::kCPU, *world.data);
  ddp.synchronise();
  step(ddp, slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05);
  ddp.begin_evaluation();
  expect_same_on_all_ranks(ddp.gather_state(), *world.data);
}

TEST(DdpTest, AllRanksHoldTheSameBitsAfterwards) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  for (int i = 0; i < 3; ++i) {
    step(ddp, slice(global_batch(4L * world.size, i, 8), 4L * world.rank, 4), 0.05);
  }
  expect_same_on_all_ranks(ddp.gather_state(), *world.data);
}

TEST(DdpTest, AnOverflowOnOneRankSkipsTheStepOnAll) {
  comm::World& world = test::world();
  config::RunConfig config = run_config();
  config.precision = config::PrecisionKind::kFp16;
  Ddp ddp(config, test::tiny_model(3), at::kCPU, *world.data);
  data::Batch batch = slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4);
  const at::Tensor before = ddp.gather_state().at("conv1.weight").clone();
  if (world.rank == world.size - 1) batch.inputs.mul_(1e6);
  step(ddp, batch, 0.05);
  EXPECT_EQ(ddp.skipped_steps(), 1);
  EXPECT_TRUE(at::equal(ddp.gather_state().at("conv1.weight"), before));
}

TEST(DdpTest, ReportsItsCollectivesOnceEach) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  const StepResult result = step(ddp, slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05);
  EXPECT_GE(result.collectives.size(), 2u) << "bucket-mb = 0.01 must make several buckets";
  for (const auto& work : result.collectives) {
    EXPECT_TRUE(work->done());
    EXPECT_GE(work->interval().end_ns, work->interval().start_ns);
  }
}

}  // namespace
}  // namespace trainyard::parallel
