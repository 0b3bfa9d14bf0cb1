#include "report/scaling_model.h"

#include <gtest/gtest.h>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

constexpr double kModelBytes = 4e7;

RunSummary run_of(std::int64_t ranks, double step_ns, std::int64_t batch) {
  RunSummary run = testing::sample_summary("run" + std::to_string(ranks), ranks, 1);
  run.step_mean_ns = step_ns;
  run.attributes.global_batch = batch;
  run.attributes.model_bytes = static_cast<std::int64_t>(kModelBytes);
  run.images_per_second = static_cast<double>(batch) / (step_ns / 1e9);
  return run;
}

TEST(FitScaling, FindsTheTermsOfWeakScaling) {
  std::vector<RunSummary> runs;
  const auto time = [](double n) { return 100e6 + 2 * (n - 1) * 50e3 + 2 * (n - 1) / n * kModelBytes * 0.1; };
  for (const std::int64_t n : {1, 2, 4, 8})
    runs.push_back(run_of(n, time(static_cast<double>(n)), 32 * n));
  const auto models = fit_scaling(runs);
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0].kind, ScalingKind::kWeak);
  EXPECT_NEAR(models[0].compute_ns, 100e6, 1);
  EXPECT_NEAR(models[0].alpha_ns, 50e3, 1);
  EXPECT_NEAR(models[0].beta_ns, 0.1, 1e-6);
  EXPECT_LT(models[0].largest_error, 1e-9);
  ASSERT_EQ(models[0].points.size(), 7U);
  const ScalingPoint& last = models[0].points.back();
  EXPECT_EQ(last.ranks, 64);
  EXPECT_DOUBLE_EQ(last.beyond, 8);
  EXPECT_NEAR(last.model_ns, time(64), 10);
  EXPECT_NEAR(last.images_per_second, 64 * 32 / (time(64) / 1e9), 1);
  EXPECT_NEAR(last.efficiency, 100e6 / time(64), 1e-6);
}

TEST(FitScaling, FindsStrongScaling) {
  std::vector<RunSummary> runs;
  for (const std::int64_t n : {1, 2, 4}) {
    const auto ranks = static_cast<double>(n);
    runs.push_back(run_of(n, 100e6 / ranks + 2 * (ranks - 1) / ranks * kModelBytes * 0.1, 64));
  }
  const auto models = fit_scaling(runs);
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0].kind, ScalingKind::kStrong);
  EXPECT_NEAR(models[0].compute_ns, 100e6, 10);
  EXPECT_NEAR(models[0].beta_ns, 0.1, 1e-6);
}

TEST(FitScaling, NeverGivesNegativeTerms) {
  const auto models = fit_scaling({run_of(1, 100e6, 32), run_of(2, 90e6, 64), run_of(4, 80e6, 128)});
  ASSERT_EQ(models.size(), 1U);
  EXPECT_GE(models[0].alpha_ns, 0);
  EXPECT_GE(models[0].beta_ns, 0);
  EXPECT_GT(models[0].largest_error, 0.05) << "and says how far off it is";
}

TEST(FitScaling, NeedsTwoNumbersOfRanksOfTheSameWork) {
  EXPECT_TRUE(fit_scaling({run_of(2, 90e6, 64), run_of(2, 91e6, 64)}).empty());
  RunSummary other = run_of(2, 90e6, 64);
  other.attributes.precision = "fp16";
  EXPECT_TRUE(fit_scaling({run_of(1, 90e6, 32), other}).empty());
}

}  // namespace
}  // namespace trainyard::report
