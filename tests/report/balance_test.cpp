#include "report/balance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using testing::phase_of;
using testing::sample_log;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::size_t kSteps = 200;

/// Ranks that begin and end each step together: `delay_ms(rank, step)` is what a rank loses in `phase`; the others wait
/// for the latest in their exposed communication. Each phase of a rank varies by up to `jitter` of itself.
template <class Delay>
Start synchronous_start(std::size_t ranks, Phase phase, Delay delay_ms, double jitter = 0.02) {
  std::mt19937 random(5);
  std::uniform_real_distribution<double> vary(1 - jitter, 1 + jitter);
  std::vector<Numbers> data(ranks, Numbers(kSteps));
  std::vector<Numbers> backward(ranks, Numbers(kSteps));
  std::vector<Numbers> exposed(ranks, Numbers(kSteps));
  Numbers step_ns(kSteps);
  for (std::size_t k = 0; k < kSteps; ++k) {
    for (std::size_t r = 0; r < ranks; ++r) {
      data[r][k] = static_cast<std::int64_t>(10 * kMs * vary(random));
      backward[r][k] = static_cast<std::int64_t>(90 * kMs * vary(random));
      (phase == Phase::kData ? data : backward)[r][k] += delay_ms(r, k) * kMs;
      step_ns[k] = std::max(step_ns[k], data[r][k] + backward[r][k] + 5 * kMs);
    }
    for (std::size_t r = 0; r < ranks; ++r)
      exposed[r][k] = step_ns[k] - data[r][k] - backward[r][k];
  }
  Start start;
  for (std::size_t r = 0; r < ranks; ++r) {
    RankLog log = sample_log(static_cast<std::int64_t>(r), static_cast<std::int64_t>(ranks), step_ns);
    phase_of(log, Phase::kData) = data[r];
    phase_of(log, Phase::kBackward) = backward[r];
    phase_of(log, Phase::kExposedComm) = exposed[r];
    start.ranks.push_back(std::move(log));
  }
  return start;
}

Balance balance_of_run(Start start) {
  const report::Run run{"run", {std::move(start)}};
  return balance_of(run.starts[0], stitch(run).windows[0]);
}

TEST(BalanceOf, BlamesTheLateRankAndNotThoseThatWait) {
  for (const std::size_t ranks : {2U, 3U, 8U}) {
    const Balance balance = balance_of_run(
        synchronous_start(ranks, Phase::kData, [](std::size_t r, std::size_t) { return r == 1 ? 40 : 0; }));
    ASSERT_EQ(balance.stragglers.size(), 1U) << ranks;
    EXPECT_EQ(balance.stragglers[0].rank, 1);
    EXPECT_EQ(balance.stragglers[0].node, "node1");
    EXPECT_EQ(balance.stragglers[0].cause, Phase::kData);
    EXPECT_TRUE(balance.stragglers[0].persistent);
    EXPECT_DOUBLE_EQ(balance.stragglers[0].late_share, 1.0);
    EXPECT_NEAR(balance.stragglers[0].late_ns, 40.0 * kMs, 2.0 * kMs);
    EXPECT_NEAR(balance.stragglers[0].cost, 40.0 / 145, 0.02);
    EXPECT_NEAR(*balance.load, (100.0 + 40.0 / static_cast<double>(ranks)) / 140, 0.01);
  }
}

TEST(BalanceOf, TellsWanderingDelaysFromALateRank) {
  for (const std::size_t ranks : {2U, 4U}) {
    const Balance balance = balance_of_run(synchronous_start(
        ranks, Phase::kBackward, [ranks](std::size_t r, std::size_t k) { return k % ranks == r ? 50 : 0; }));
    ASSERT_EQ(balance.stragglers.size(), ranks);
    for (const Straggler& straggler : balance.stragglers) {
      EXPECT_FALSE(straggler.persistent);
      EXPECT_EQ(straggler.cause, Phase::kBackward);
      EXPECT_NEAR(straggler.late_share, 1.0 / static_cast<double>(ranks), 0.01);
    }
    EXPECT_NEAR(balance.wandering_share, 1.0, 0.01);
    EXPECT_NEAR(*balance.load, 1.0, 0.02) << "over the run they are equal";
    EXPECT_LT(*balance.step, 0.85);
  }
}

TEST(BalanceOf, NamesNobodyForNoise) {
  for (const double jitter : {0.0, 0.02, 0.1, 0.3}) {
    for (const std::size_t ranks : {2U, 8U, 32U}) {
      const auto none = [](std::size_t, std::size_t) { return 0; };
      EXPECT_TRUE(balance_of_run(synchronous_start(ranks, Phase::kData, none, jitter)).stragglers.empty())
          << jitter << " " << ranks;
    }
  }
}

TEST(BalanceOf, FindsAWholeSlowNode) {
  const Balance balance = balance_of_run(
      synchronous_start(8, Phase::kBackward, [](std::size_t r, std::size_t) { return r >= 5 ? 30 : 0; }));
  std::vector<std::int64_t> ranks;
  for (const Straggler& straggler : balance.stragglers)
    ranks.push_back(straggler.rank);
  EXPECT_THAT(ranks, ::testing::UnorderedElementsAre(5, 6, 7));
}

TEST(BalanceOf, NamesARareButCostlyStall) {
  const Balance balance = balance_of_run(synchronous_start(
      4, Phase::kData, [](std::size_t r, std::size_t k) { return r == 2 && k % 50 == 20 ? 2000 : 0; }));
  ASSERT_EQ(balance.stragglers.size(), 1U);
  EXPECT_EQ(balance.stragglers[0].rank, 2);
  EXPECT_FALSE(balance.stragglers[0].persistent);
}

TEST(BalanceOf, ComparesOnlyRanksOfOneStageOfAPipeline) {
  const auto stage_1_is_longer = [](std::size_t r, std::size_t) { return r % 2 == 1 ? 40 : 0; };
  Start start = synchronous_start(4, Phase::kBackward, stage_1_is_longer);
  for (RankLog& log : start.ranks) {
    log.attributes.strategy = "pipeline";
    log.attributes.config = "stages = 2\n";
  }
  EXPECT_TRUE(balance_of_run(start).stragglers.empty());
  EXPECT_LT(*balance_of_run(start).load, 0.9);
  for (RankLog& log : start.ranks)
    log.attributes.config = "stages = 0\n";  // all ranks are stages of one pipeline
  EXPECT_TRUE(balance_of_run(start).stragglers.empty());
}

TEST(BalanceOf, SaysNothingOfOneRankOrWithoutSteps) {
  EXPECT_FALSE(balance_of_run({0, {sample_log(0, 1, Numbers(10, kMs))}}).load.has_value());
  EXPECT_FALSE(balance_of_run({0, {sample_log(0, 2, {}), sample_log(1, 2, {})}}).load.has_value());
}

}  // namespace
}  // namespace trainyard::report
