#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "report/sample_runs.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;

RunSummary run_of(const std::string& label, std::int64_t ranks, const std::string& strategy,
                  const std::string& precision, double rate, const std::string& config = "") {
  RunSummary run = testing::sample_summary(label, ranks, rate);
  run.attributes.run = label;
  run.attributes.strategy = strategy;
  run.attributes.precision = precision;
  run.attributes.config = "seed = 0\nbatch-size = 32\n" + config;
  return run;
}

std::vector<Section> studies_of(std::vector<RunSummary> runs, std::vector<InferenceSummary> answers = {}) {
  Report report;
  report.runs = std::move(runs);
  report.inference = std::move(answers);
  report.groups = find_groups(report.runs);
  return study_sections(report);
}

Table table_of(const std::vector<Section>& sections, const std::string& title) {
  for (const Section& section : sections) {
    for (const Table& table : section.tables) {
      if (table.title.find(title) != std::string::npos) return table;
    }
  }
  ADD_FAILURE() << "no table " << title;
  return {};
}

std::string points_of(const std::vector<Section>& sections) {
  std::string text;
  for (const Section& section : sections) {
    for (const std::string& point : section.points)
      text += point + "\n";
  }
  return text;
}

Cell value(const Table& table, std::size_t row, const std::string& column) {
  const auto at = std::find_if(table.columns.begin(), table.columns.end(),
                               [&column](const Column& one) { return one.id == column; });
  if (at == table.columns.end() || row >= table.rows.size()) return std::string("not there");
  return table.rows[row][static_cast<std::size_t>(at - table.columns.begin())];
}

TEST(Studies, SpeedupComparesApproachesAndChecksWhatMixedPrecisionDoes) {
  const auto sections = studies_of({run_of("a", 1, "single", "fp32", 100), run_of("b", 1, "single", "amp", 200),
                                    run_of("c", 2, "ddp", "fp32", 190), run_of("d", 2, "ddp", "amp", 285)});
  const Table table = table_of(sections, "Training speedup by approach");
  ASSERT_EQ(table.rows.size(), 4U);
  EXPECT_EQ(value(table, 3, "approach"), Cell(std::string("DDP")));
  EXPECT_EQ(value(table, 3, "speedup"), Cell(2.85));
  EXPECT_EQ(value(table, 3, "precision_gain"), Cell(1.5));
  EXPECT_THAT(points_of(sections), HasSubstr("Measured here: 2.00x fp32 on one, 1.50x on several. So it holds."));
}

TEST(Studies, SpeedupShowsTheEffectOfBatchSize) {
  RunSummary large = run_of("large", 2, "ddp", "fp32", 300);
  large.attributes.global_batch = 128;
  const auto sections = studies_of({run_of("small", 2, "ddp", "fp32", 200), large});
  const Table table = table_of(sections, "Effect of batch size");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(value(table, 1, "batch_per_device"), Cell(std::int64_t{64}));
  EXPECT_EQ(value(table, 1, "relative"), Cell(1.5));
}

InferenceSummary answers(const std::string& engine, double rate) {
  InferenceSummary summary;
  summary.attributes.engine = engine;
  summary.attributes.precision = "fp32";
  summary.attributes.device = "cpu";
  summary.attributes.model = "resnet18";
  summary.sizes = {{.batch_size = 16, .batches = 10, .images_per_second = rate}};
  return summary;
}

TEST(Studies, SpeedupChecksTheEnginesOnACpu) {
  const auto sections = studies_of({}, {answers("eager", 100), answers("int8", 600)});
  EXPECT_EQ(value(table_of(sections, "Quantization and TorchScript on CPU"), 1, "over_eager"), Cell(6.0));
  EXPECT_THAT(points_of(sections), HasSubstr("So it does not hold."));
}

TEST(Studies, PrecisionSaysWhichBandwidthItShows) {
  RunSummary fp32 = run_of("a", 1, "single", "fp32", 100);
  RunSummary fp16 = run_of("b", 1, "single", "fp16", 150);
  fp32.transfer_bandwidth = 3e9;
  fp32.bus_bandwidth = 9e9;
  const Table one = table_of(studies_of({fp16, fp32}), "single on 1 device");
  EXPECT_EQ(value(one, 0, "precision"), Cell(std::string("fp32"))) << "in the order of the study";
  EXPECT_EQ(value(one, 0, "bandwidth"), Cell(3e9));
  EXPECT_EQ(one.columns[3].title, "Bandwidth (host to device)");
  RunSummary two = run_of("a", 2, "ddp", "fp32", 100);
  two.bus_bandwidth = 9e9;
  const Table several = table_of(studies_of({two, run_of("b", 2, "ddp", "fp16", 150)}), "DDP on 2 devices");
  EXPECT_EQ(value(several, 0, "bandwidth"), Cell(9e9));
  EXPECT_EQ(several.columns[3].title, "Bandwidth (all-reduce bus)");
}

TEST(Studies, ParallelismCountsEpochsToConverge) {
  RunSummary ddp = run_of("a", 2, "ddp", "fp32", 100);
  ddp.val_accuracy = {{1, 0.5}, {2, 0.896}, {3, 0.9}};
  ddp.best_val_accuracy = 0.9;
  RunSummary sharded = ddp;
  sharded.attributes.strategy = "zero1";
  sharded.attributes.config += "target-accuracy = 0.9\n";
  const Table table = table_of(studies_of({ddp, sharded}), "Training time by approach");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(value(table, 0, "epochs_to_converge"), Cell(std::int64_t{2})) << "within half a point of the best";
  EXPECT_EQ(value(table, 1, "epochs_to_converge"), Cell(std::int64_t{3}));
  EXPECT_EQ(value(table, 1, "approach"), Cell(std::string("DDP, sharded states")));
}

TEST(Studies, ParallelismSetsTimeAgainstSplitSize) {
  const auto pipeline = [](const std::string& keys) {
    return run_of(keys, 2, "pipeline", "fp32", 100, "pipeline-schedule = 1f1b\n" + keys);
  };
  const auto sections = studies_of({pipeline("split-size = 8\n"), pipeline("micro-batches = 16\n")});
  const Table table = table_of(sections, "Training time against split size");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(value(table, 0, "split_size"), Cell(std::int64_t{2}));
  EXPECT_EQ(value(table, 1, "split_size"), Cell(std::int64_t{8}));
}

RunSummary with_memory(RunSummary run, std::int64_t parameters, std::int64_t activations) {
  run.memory = {{0, parameters + activations, {parameters, 0, 0, activations, 0, 0}, {}}};
  return run;
}

TEST(Studies, SvhnShowsThatDdpHoldsTheWholeModel) {
  RunSummary one = with_memory(run_of("one", 1, "single", "fp32", 100), 1000, 100);
  RunSummary two = with_memory(run_of("two", 2, "ddp", "fp32", 190), 1000, 100);
  one.attributes.data = two.attributes.data = "svhn";
  const auto sections = studies_of({one, two});
  EXPECT_EQ(value(table_of(sections, "Time and speedup by nodes"), 1, "speedup"), Cell(1.9));
  EXPECT_THAT(points_of(sections), HasSubstr("So it does not hold."));
  EXPECT_EQ(value(table_of(sections, "Hyper-parameters of one"), 0, "value"), Cell(std::string("32")));
}

TEST(Studies, MemoryEstimatesTheEpochAndSaysWhereTheRestWent) {
  RunSummary run = with_memory(run_of("run", 1, "single", "fp32", 100, "workers = 2\n"), 100, 900);
  run.attributes.data = "tiny-imagenet";
  run.steps_per_epoch = 200;
  run.step_mean_ns = 1e9;
  run.epoch_ns = 250e9;
  run.epoch_validation_ns = 30e9;
  const auto sections = studies_of({run});
  const Table table = table_of(sections, "Estimated and actual epoch");
  EXPECT_EQ(value(table, 0, "estimated_epoch_ns"), Cell(200e9));
  EXPECT_EQ(value(table, 0, "epoch_rest_ns"), Cell(20e9));
  EXPECT_THAT(points_of(sections), HasSubstr("90.0 % of"));
}

TEST(Studies, AreLeftOutWithoutTheirRuns) {
  EXPECT_TRUE(studies_of({run_of("a", 1, "single", "fp32", 100)}).empty());
  EXPECT_TRUE(studies_of({}).empty());
}

}  // namespace
}  // namespace trainyard::report
