#include "report/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using testing::add;
using ::testing::Contains;
using ::testing::HasSubstr;
using testing::phase_of;
using testing::sample_log;
using testing::sample_run;
using Numbers = std::vector<std::int64_t>;

constexpr std::int64_t kMs = 1'000'000;

TEST(Summarize, ComputesByHand) {
  // Five steps, the first is warm-up. Slowest per step: 100, 100, 120, 200 ms; sums: rank 0 510, rank 1 480.
  RankLog rank0 = sample_log(0, 2, {900 * kMs, 90 * kMs, 100 * kMs, 120 * kMs, 200 * kMs});
  RankLog rank1 = sample_log(1, 2, {900 * kMs, 100 * kMs, 100 * kMs, 80 * kMs, 200 * kMs});
  // 10 ms of each step of rank 0 are exposed communication, 30 ms are all of it
  add(phase_of(rank0, Phase::kBackward), -10 * kMs);
  add(phase_of(rank0, Phase::kExposedComm), 10 * kMs);
  add(rank0.steps.comm_ns, 30 * kMs);
  const RunSummary run = summarize(sample_run({rank0, rank1}));
  EXPECT_EQ(run.steps, 5);
  EXPECT_EQ(run.measured_steps, 4);
  EXPECT_DOUBLE_EQ(run.measured_ns, 510.0 * kMs);
  EXPECT_DOUBLE_EQ(*run.images_per_second, 2 * 4 * 32 / 0.510);
  EXPECT_DOUBLE_EQ(*run.step_median_ns, 110.0 * kMs);
  EXPECT_DOUBLE_EQ(*run.step_p95_ns, (120 + 0.85 * 80) * kMs);
  EXPECT_DOUBLE_EQ(*run.step_p99_ns, (120 + 0.97 * 80) * kMs);
  EXPECT_DOUBLE_EQ(run.step_mean_ns, (480.0 + 510.0) / 8 * kMs);
  EXPECT_DOUBLE_EQ(run.share(Phase::kExposedComm), 40.0 / 990);
  EXPECT_DOUBLE_EQ(run.comm_ns, 15.0 * kMs);
  EXPECT_DOUBLE_EQ(run.hidden_comm_ns(), 10.0 * kMs);
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(run.nodes, (std::vector<std::string>{"node0", "node1"}));
}

TEST(Summarize, SaysWhatIsNotComplete) {
  RankLog open_log = sample_log(1, 4, Numbers(5, kMs));
  open_log.complete = false;
  const RunSummary run = summarize(sample_run({sample_log(0, 4, Numbers(5, kMs)), open_log, sample_log(2, 4, {})}));
  EXPECT_FALSE(run.complete);
  EXPECT_EQ(run.status, "incomplete");
  EXPECT_EQ(run.ranks, 4);
  EXPECT_EQ(run.ranks_present, 2);
  EXPECT_THAT(run.notes, Contains(HasSubstr("rank 1 did not end cleanly")));
  EXPECT_THAT(run.notes, Contains(HasSubstr("Logs of 2 of 4 ranks are missing")));
}

TEST(Summarize, SurvivesForgedNumbersOfRanksAndDevices) {
  RankLog log = sample_log(0, 2, Numbers(5, kMs));
  log.attributes.world_size = INT64_MAX;
  log.attributes.strategy = "dp";
  log.attributes.config = "devices = 9223372036854775807\n";
  EXPECT_GT(summarize(sample_run({log})).devices, 0);
}

TEST(Summarize, WithoutAStepHasNothingToMeasure) {
  const RunSummary run = summarize(sample_run({sample_log(0, 1, {})}));
  EXPECT_FALSE(run.images_per_second.has_value());
  EXPECT_FALSE(run.step_median_ns.has_value());
  EXPECT_EQ(run.share(Phase::kForward), 0);
  EXPECT_THAT(run.notes, Contains(HasSubstr("nothing to measure")));
}

TEST(Summarize, ZeroTimesGiveNoInfiniteRate) {
  const RunSummary run = summarize(sample_run({sample_log(0, 1, Numbers(5, 0))}));
  EXPECT_FALSE(run.images_per_second.has_value());
  EXPECT_TRUE(std::isfinite(run.share(Phase::kBackward)));
}

TEST(Summarize, JoinsRestartsOfTheSameKindAlone) {
  auto run = sample_run({sample_log(0, 1, Numbers(10, 100 * kMs))});
  run.starts.push_back({1, {sample_log(0, 1, Numbers(5, 200 * kMs), 8)}});
  RunSummary summary = summarize(run);
  EXPECT_EQ(summary.restarts, 1);
  EXPECT_EQ(summary.steps, 8 + 5);
  EXPECT_EQ(summary.lost_steps, 2);
  EXPECT_EQ(summary.measured_steps, (8 - 2) + (5 - 1));
  EXPECT_THAT(summary.notes, Contains("Restarts 0-1 are joined; 2 steps were done again after a restart."));

  run.starts[0].ranks[0].attributes.precision = "fp16";
  summary = summarize(run);
  EXPECT_EQ(summary.measured_steps, 4);
  EXPECT_DOUBLE_EQ(*summary.step_median_ns, 200.0 * kMs);
  EXPECT_EQ(summary.steps, 13);
}

TEST(Summarize, TakesEpochsFromTheSlowestRankAndLeavesTheFirstOut) {
  RankLog rank0 = sample_log(0, 2, Numbers(5, kMs));
  RankLog rank1 = sample_log(1, 2, Numbers(5, kMs));
  rank0.epochs = {{.epoch = 0, .duration_ns = 900, .train_loss = 2.0, .val_accuracy = 0.5},
                  {.epoch = 1, .duration_ns = 100, .train_loss = 1.0, .val_accuracy = 0.9},
                  {.epoch = 2, .duration_ns = 130, .train_loss = 0.5, .val_accuracy = 0.8}};
  rank1.epochs = {{.epoch = 0, .duration_ns = 950}, {.epoch = 1, .duration_ns = 120}, {.epoch = 2, .duration_ns = 110}};
  const RunSummary run = summarize(sample_run({rank0, rank1}));
  EXPECT_DOUBLE_EQ(*run.epoch_ns, 125);  // of 120 and 130
  EXPECT_EQ(run.epochs, 3);
  EXPECT_DOUBLE_EQ(*run.last_val_accuracy, 0.8);
  EXPECT_DOUBLE_EQ(*run.best_val_accuracy, 0.9);
  EXPECT_DOUBLE_EQ(*run.last_train_loss, 0.5);
  ASSERT_EQ(run.val_accuracy.size(), 3U);
  EXPECT_DOUBLE_EQ(run.val_accuracy[0].x, 1);
}

TEST(Summarize, RefusesAbsurdEpochs) {
  RankLog log = sample_log(0, 1, Numbers(5, kMs));
  log.epochs = {{.epoch = -5, .duration_ns = 100, .val_accuracy = 0.5},
                {.epoch = INT64_MAX, .duration_ns = 100, .val_accuracy = 0.5},
                {.epoch = 1, .duration_ns = -100, .val_accuracy = 7.0},
                {.epoch = 2, .duration_ns = 100, .val_accuracy = std::nan("")}};
  const RunSummary run = summarize(sample_run({log}));
  EXPECT_FALSE(run.best_val_accuracy.has_value());
  EXPECT_TRUE(run.val_accuracy.empty());
  EXPECT_DOUBLE_EQ(*run.epoch_ns, 100);
}

TEST(Summarize, WeighsLossesBySamplesAndSkipsTheNotFinite) {
  RankLog rank0 = sample_log(0, 2, Numbers(3, kMs));
  RankLog rank1 = sample_log(1, 2, Numbers(3, kMs));
  rank0.steps.loss = {1.0F, std::nanf(""), 1.0F};
  rank1.steps.loss = {4.0F, 1.0F, INFINITY};
  rank0.steps.samples = {96, 32, 32};
  const RunSummary run = summarize(sample_run({rank0, rank1}));
  ASSERT_EQ(run.loss.size(), 1U);
  EXPECT_DOUBLE_EQ(run.loss[0].x, 128);
  EXPECT_DOUBLE_EQ(run.loss[0].value, (96 * 1.0 + 32 * 4.0) / 128);
  EXPECT_THAT(run.notes, Contains(HasSubstr("2 of 3 steps have no finite loss")));
}

TEST(Summarize, ThinsLongLossCurves) {
  const RunSummary run = summarize(sample_run({sample_log(0, 1, Numbers(10'000, kMs))}));
  EXPECT_EQ(run.loss.size(), kCurvePoints);
  EXPECT_DOUBLE_EQ(run.loss.back().x, 320'000);
  EXPECT_DOUBLE_EQ(run.loss.back().value, 1.0);
}

TEST(Summarize, SetsAPipelinesBubbleBesideTheExpectedOne) {
  std::vector<RankLog> logs = {sample_log(0, 2, Numbers(5, 100 * kMs)), sample_log(1, 2, Numbers(5, 100 * kMs))};
  // Rank 0 idles 20 of its 80 ms of forward, backward and idle; the optimizer's 20 do not count.
  add(phase_of(logs[0], Phase::kBackward), -40 * kMs);
  add(phase_of(logs[0], Phase::kIdle), 20 * kMs);
  add(phase_of(logs[0], Phase::kOptimizer), 20 * kMs);
  EXPECT_FALSE(summarize(sample_run(logs)).bubble.has_value()) << "no pipeline";
  logs[0].attributes.predicted_bubble_ppm = 100'000;
  logs[1].attributes.predicted_bubble_ppm = 200'000;
  const RunSummary run = summarize(sample_run(logs));
  EXPECT_DOUBLE_EQ(run.predicted_bubble.value(), 0.15);
  EXPECT_DOUBLE_EQ(run.bubble.value(), 20.0 / 180.0);
  EXPECT_THAT(run.notes, Contains(HasSubstr("Pipeline bubble: 11.1 % of")));
}

TEST(Summarize, TheLossIsThatOfTheRanksThatHaveSamples) {
  RankLog first_stage = sample_log(0, 2, Numbers(5, kMs));
  first_stage.steps.samples = {0, 0, 0, 0, 0};
  first_stage.steps.loss.assign(5, std::numeric_limits<float>::quiet_NaN());
  const RunSummary run = summarize(sample_run({first_stage, sample_log(1, 2, Numbers(5, kMs))}));
  ASSERT_EQ(run.loss.size(), 5u);
  EXPECT_DOUBLE_EQ(run.loss.back().value, 1.0);
  EXPECT_DOUBLE_EQ(run.loss.back().x, 5 * 32.0);
}

TEST(Summarize, NotesBrokenIdentitiesAndWarnings) {
  RankLog log = sample_log(0, 1, Numbers(5, 100 * kMs));
  add(phase_of(log, Phase::kBackward), -10 * kMs);
  log.attributes.precision_note = "computed in fp32";
  log.attributes.warnings = "slow disk\n\nslow disk\n";
  const RunSummary run = summarize(sample_run({log}));
  EXPECT_THAT(run.notes, Contains(HasSubstr("add up to 90.0 %")));
  EXPECT_THAT(run.notes, Contains("Precision fp32: computed in fp32"));
  EXPECT_THAT(run.notes, Contains("Warning of rank 0: slow disk"));
}

TEST(LabelRuns, TellsRunsApart) {
  std::vector<RunSummary> runs(4);
  const auto set = [&](std::size_t i, const char* name, const char* job, const char* folder) {
    runs[i].label = runs[i].attributes.run = name;
    runs[i].attributes.job_id = job;
    runs[i].folder = folder;
  };
  set(0, "a", "1", "r/a/1");
  set(1, "b", "1", "r/b/1");
  set(2, "b", "2", "r/b/2");
  set(3, "b", "2", "s/b/2");
  label_runs(runs);
  EXPECT_EQ(runs[0].label, "a");
  EXPECT_EQ(runs[1].label, "b/1");
  EXPECT_EQ(runs[2].label, "r/b/2");
  EXPECT_EQ(runs[3].label, "s/b/2");
}

TEST(Summarize, DropsEpochsThatALaterStartDoesAgain) {
  RankLog first = sample_log(0, 1, Numbers(9, kMs));
  first.epochs = {{.epoch = 0, .duration_ns = 100, .val_accuracy = 0.5},
                  {.epoch = 1, .duration_ns = 100, .val_accuracy = 0.7},
                  {.epoch = 2, .duration_ns = 100, .val_accuracy = 0.9}};
  RankLog anew = sample_log(0, 1, Numbers(3, kMs));
  anew.epochs = {{.epoch = 0, .duration_ns = 300, .val_accuracy = 0.4}};
  auto run = sample_run({first});
  run.starts.push_back({1, {anew}});
  RunSummary summary = summarize(run);
  EXPECT_EQ(summary.epochs, 1);
  EXPECT_DOUBLE_EQ(*summary.best_val_accuracy, 0.4);
  EXPECT_DOUBLE_EQ(*summary.epoch_ns, 300);

  RankLog& resumed = run.starts[1].ranks[0];  // in epoch 1, of which no row is written yet
  resumed.epochs.clear();
  resumed.steps.epochs = {{1, 0}};
  summary = summarize(run);
  EXPECT_EQ(summary.epochs, 1);
  EXPECT_DOUBLE_EQ(*summary.best_val_accuracy, 0.5);
}

}  // namespace
}  // namespace trainyard::report
