#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/where.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "comm/values.h"
#include "config/enum_names.h"
#include "models/roberta.h"
#include "parallel/micro_batches.h"
#include "parallel/strategy.h"
#include "steps.h"
#include "support/mpi_main.h"

/// Token sequences go through every strategy as images do: with padding, in lengths that change from batch to batch.
namespace trainyard::parallel {
namespace {

using config::StrategyKind;

constexpr std::int64_t kVocabulary = 50;
constexpr std::int64_t kLongest = 24;
constexpr std::int64_t kPadding = 1;

std::unique_ptr<models::Model> roberta(double dropout) {
  models::RobertaConfig config;
  config.vocab_size = kVocabulary;
  config.hidden_size = 16;
  config.num_hidden_layers = 4;  // with embeddings and head a part for each of four ranks
  config.num_attention_heads = 2;
  config.intermediate_size = 24;
  config.max_position_embeddings = 40;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = config.classifier_dropout = dropout;
  config.initializer_range = 0.2;
  return models::build_roberta(config, {}, kLongest, 3);
}

config::RunConfig run_config(StrategyKind strategy) {
  config::RunConfig config = test::run_config();
  config.strategy = strategy;
  config.batch_size = 8;
  config.micro_batches = strategy == StrategyKind::kPipeline ? 4 : 0;
  return config;
}

/// The same on every rank: sequences of 3 to `longest` tokens, filled up.
data::Batch text_batch(std::int64_t samples, int step, std::int64_t longest) {
  const at::Generator generator = at::detail::createCPUGenerator(static_cast<std::uint64_t>(2000 + step));
  const at::Tensor ids = at::randint(3, kVocabulary, {samples, longest}, generator, at::kLong);
  const at::Tensor lengths = at::randint(3, longest + 1, {samples, 1}, generator, at::kLong);
  return {at::where(at::arange(longest).lt(lengths), ids, kPadding), at::randint(2, {samples}, generator, at::kLong),
          samples, static_cast<std::uint64_t>(step)};
}

std::unique_ptr<Strategy> strategy_of(const config::RunConfig& config, double dropout) {
  auto strategy = make_strategy(config, roberta(dropout), at::kCPU, *test::world().data);
  strategy->synchronise();
  return strategy;
}

class EveryStrategy : public ::testing::TestWithParam<StrategyKind> {};

TEST_P(EveryStrategy, TrainsTextAsOneRankDoes) {
  const comm::World& world = test::world();
  const config::RunConfig config = run_config(GetParam());
  const auto strategy = strategy_of(config, 0.0);
  const auto single = make_strategy(run_config(StrategyKind::kSingle), roberta(0.0), at::kCPU, *world.data);
  const DataShard shard = strategy->data_shard();
  const std::int64_t own = 8;
  for (int i = 0; i < 20; ++i) {
    const data::Batch whole = text_batch(own * shard.count, i, i % 2 == 0 ? kLongest : 8 + i % 5);
    const data::Batch part = whole.part(own * shard.index, own);
    const StepResult ours = test::step(*strategy, part, 0.02);
    const StepResult theirs = test::step(*single, whole, 0.02);
    std::array loss{ours.loss_sum.defined() ? ours.loss_sum.item<double>() : 0.0};
    comm::all_reduce(*world.control, loss);
    EXPECT_NEAR(loss[0] / theirs.loss_sum.item<double>(), 1.0, 1e-4) << "step " << i;
  }
  strategy->begin_evaluation();
  const Evaluation evaluated = strategy->evaluate(text_batch(5, 99, 16));
  std::array sums{evaluated.loss_sum, static_cast<double>(evaluated.samples)};
  comm::all_reduce(*world.control, sums);
  EXPECT_NEAR(sums[0] / sums[1], single->evaluate(text_batch(5, 99, 16)).loss_sum / 5.0, 1e-4);
  const models::TensorMap state = strategy->gather_state();
  if (world.rank == 0) {
    EXPECT_LT(test::relative_difference(state, single->gather_state()), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(RobertaStrategies, EveryStrategy,
                         ::testing::Values(StrategyKind::kDdp, StrategyKind::kZero1, StrategyKind::kZero3,
                                           StrategyKind::kModelParallel, StrategyKind::kPipeline),
                         [](const auto& one) {
                           std::string name(config::name_of(one.param));
                           std::erase(name, '-');
                           return name;
                         });

TEST(RobertaStrategies, APipelineDropsWhatOneRankDropsThatTakesItsMicroBatches) {
  config::RunConfig config = run_config(StrategyKind::kPipeline);
  for (const config::Checkpointing segments : {config::Checkpointing::kNone, config::Checkpointing::kBlock}) {
    config.activation_checkpointing = segments;
    const auto pipeline = strategy_of(config, 0.3);
    config::RunConfig alone = run_config(StrategyKind::kSingle);
    const auto single = make_strategy(alone, roberta(0.3), at::kCPU, *test::world().data);
    for (int i = 0; i < 3; ++i) {
      const data::Batch batch = text_batch(8, i, 8 + 4 * i);
      const DataShard shard = pipeline->data_shard();
      test::step(*pipeline, batch, 0.05);
      std::vector<data::Batch> parts;
      std::int64_t first = 0;
      for (const std::int64_t samples : micro_batch_sizes(8, config, test::world().size / shard.count)) {
        parts.push_back(batch.part(first, samples));
        parts.back().global_samples = samples;
        first += samples;
      }
      timing::StepTimer timer = test::quiet_timer();
      single->step(parts, 0.05, timer);
    }
    const models::TensorMap state = pipeline->gather_state();
    if (test::world().rank == 0) test::expect_same_bits(state, single->gather_state());
  }
}

TEST(RobertaStrategies, EveryPrecisionKeepsTokenIdsAndGivesNearlyTheSameLoss) {
  data::Batch batch = text_batch(8, 1, kLongest);
  batch.global_samples *= test::world().size;
  const auto loss = [&](config::PrecisionKind precision, StrategyKind kind) {
    config::RunConfig config = run_config(kind);
    config.precision = precision;
    const auto strategy = strategy_of(config, 0.0);
    test::step(*strategy, batch, 0.02);
    std::array sum{strategy->evaluate(batch).loss_sum};
    comm::all_reduce(*test::world().control, sum);
    return sum[0] / (8.0 * strategy->data_shard().count);
  };
  for (const StrategyKind kind : {StrategyKind::kDdp, StrategyKind::kPipeline}) {
    const double exact = loss(config::PrecisionKind::kFp32, kind);
    for (const config::PrecisionKind precision :
         {config::PrecisionKind::kAmp, config::PrecisionKind::kFp16, config::PrecisionKind::kBf16})
      EXPECT_NEAR(loss(precision, kind) / exact, 1.0, 0.05) << config::name_of(precision);
  }
}

}  // namespace
}  // namespace trainyard::parallel
