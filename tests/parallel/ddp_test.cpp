#include "parallel/ddp.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>

#include "core/clock.h"
#include "parallel/single.h"
#include "support/mpi_main.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

constexpr int kSteps = 10;

config::RunConfig run_config() {
  config::RunConfig config;
  config.momentum = 0.9;
  config.weight_decay = 1e-4;
  config.bucket_mb = 0.01;  // several buckets of a small model
  return config;
}

/// The same on every rank.
data::Batch global_batch(std::int64_t samples, int step, std::int64_t side) {
  at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(1000 + step));
  return {at::randn({samples, 3, side, side}, std::optional(generator), at::TensorOptions(at::kFloat)),
          at::arange(samples).mul(7).add(step).remainder(10), samples};
}

data::Batch slice(const data::Batch& batch, std::int64_t first, std::int64_t count) {
  return {batch.images.narrow(0, first, count), batch.labels.narrow(0, first, count), batch.global_samples};
}

timing::StepTimer quiet_timer() {
  timing::StepTimer timer(at::kCPU, core::steady_ns(), [](const log::StepRow&) {});
  timer.start();
  return timer;
}

/// Norm of the difference over the norm, over all parameters.
double relative_difference(const models::Model& a, const models::Model& b) {
  double difference = 0.0;
  double norm = 0.0;
  for (std::size_t i = 0; i < a.parameters().size(); ++i) {
    const at::Tensor x = a.parameters()[i].tensor.detach().to(at::kDouble);
    const at::Tensor y = b.parameters()[i].tensor.detach().to(at::kDouble);
    difference += x.sub(y).pow(2).sum().item<double>();
    norm += y.pow(2).sum().item<double>();
  }
  return std::sqrt(difference / norm);
}

template <typename Entries>
void expect_same_on_all_ranks(const Entries& entries) {
  for (const auto& entry : entries) {
    at::Tensor of_rank_0 = entry.tensor.detach().clone();
    test::world().data->broadcast(of_rank_0, 0)->wait();
    EXPECT_TRUE(at::equal(of_rank_0, entry.tensor)) << entry.name;
  }
}

TEST(DdpTest, EqualsASingleRankOnTheSameGlobalBatch) {
  comm::World& world = test::world();
  const std::int64_t per_rank = 6;
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  Single single(run_config(), test::tiny_model(3), at::kCPU);
  timing::StepTimer timer = quiet_timer();
  for (int step = 0; step < kSteps; ++step) {
    const data::Batch batch = global_batch(per_rank * world.size, step, 8);
    ddp.step(slice(batch, per_rank * world.rank, per_rank), 0.05, timer);
    single.step(batch, 0.05, timer);
  }
  EXPECT_LT(relative_difference(ddp.model(), single.model()), 1e-5);
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
  timing::StepTimer timer = quiet_timer();
  for (int step = 0; step < 3; ++step) {
    data::Batch part = global_batch(8, step, 8);
    const data::Batch whole{part.images.repeat({world.size, 1, 1, 1}), part.labels.repeat({world.size}),
                            8L * world.size};
    part.global_samples = whole.global_samples;
    ddp.step(part, 0.01, timer);
    single.step(whole, 0.01, timer);
  }
  EXPECT_LT(relative_difference(ddp.model(), single.model()), 1e-4);
}

TEST(DdpTest, UnevenSlicesDoNotBiasTheGradient) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  Single single(run_config(), test::tiny_model(3), at::kCPU);
  timing::StepTimer timer = quiet_timer();
  // Rank r takes r + 2 samples.
  const std::int64_t first = world.rank * (world.rank + 3) / 2;
  const std::int64_t total = world.size * (world.size + 3) / 2;
  for (int step = 0; step < kSteps; ++step) {
    const data::Batch batch = global_batch(total, step, 8);
    ddp.step(slice(batch, first, world.rank + 2), 0.05, timer);
    single.step(batch, 0.05, timer);
  }
  EXPECT_LT(relative_difference(ddp.model(), single.model()), 1e-5);
}

TEST(DdpTest, StartsFromRankZerosModel) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(static_cast<std::uint64_t>(world.rank)), at::kCPU, *world.data);
  ddp.synchronise();
  EXPECT_EQ(relative_difference(ddp.model(), *test::tiny_model(0)), 0.0);
}

// In fp16 the optimizer steps fp32 masters, which must follow rank 0's model as well.
TEST(DdpTest, Fp16RanksThatStartFromRankZerosModelStayTogether) {
  comm::World& world = test::world();
  config::RunConfig config = run_config();
  config.precision = config::PrecisionKind::kFp16;
  Ddp ddp(config, test::tiny_model(static_cast<std::uint64_t>(world.rank)), at::kCPU, *world.data);
  ddp.synchronise();
  timing::StepTimer timer = quiet_timer();
  ddp.step(slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05, timer);
  EXPECT_EQ(ddp.skipped_steps(), 0);
  expect_same_on_all_ranks(ddp.model().parameters());
}

TEST(DdpTest, ValidationUsesRankZerosStatistics) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), models::build(config::Model::kResnet18, {3, 8, 8}, 10, 3), at::kCPU, *world.data);
  ddp.synchronise();
  timing::StepTimer timer = quiet_timer();
  ddp.step(slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05, timer);
  ddp.begin_evaluation();
  expect_same_on_all_ranks(ddp.model().buffers());
}

TEST(DdpTest, AllRanksHoldTheSameBitsAfterwards) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  timing::StepTimer timer = quiet_timer();
  for (int step = 0; step < 3; ++step) {
    ddp.step(slice(global_batch(4L * world.size, step, 8), 4L * world.rank, 4), 0.05, timer);
  }
  expect_same_on_all_ranks(ddp.model().parameters());
}

TEST(DdpTest, AnOverflowOnOneRankSkipsTheStepOnAll) {
  comm::World& world = test::world();
  config::RunConfig config = run_config();
  config.precision = config::PrecisionKind::kFp16;
  Ddp ddp(config, test::tiny_model(3), at::kCPU, *world.data);
  timing::StepTimer timer = quiet_timer();
  data::Batch batch = slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4);
  const at::Tensor before = ddp.model().parameters()[0].tensor.clone();
  if (world.rank == world.size - 1) batch.images.mul_(1e6);
  ddp.step(batch, 0.05, timer);
  EXPECT_EQ(ddp.skipped_steps(), 1);
  EXPECT_TRUE(at::equal(ddp.model().parameters()[0].tensor, before));
}

TEST(DdpTest, ReportsItsCollectivesOnceEach) {
  comm::World& world = test::world();
  Ddp ddp(run_config(), test::tiny_model(3), at::kCPU, *world.data);
  timing::StepTimer timer = quiet_timer();
  const StepResult result = ddp.step(slice(global_batch(4L * world.size, 0, 8), 4L * world.rank, 4), 0.05, timer);
  EXPECT_GE(result.collectives.size(), 2u) << "bucket-mb = 0.01 must make several buckets";
  for (const auto& work : result.collectives) {
    EXPECT_TRUE(work->done());
    EXPECT_GE(work->interval().end_ns, work->interval().start_ns);
  }
}

}  // namespace
}  // namespace trainyard::parallel
