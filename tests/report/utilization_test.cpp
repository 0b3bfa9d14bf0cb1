#include "report/utilization.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/report.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

log::RunAttributes on_device(const std::string& name, const std::string& precision) {
  log::RunAttributes id;
  id.device = "cuda";
  id.device_name = name;
  id.precision = precision;
  id.flops_per_sample = 3'000'000'000;
  return id;
}

TEST(DevicePeak, IsThatOfThePrecision) {
  EXPECT_EQ(device_peak("NVIDIA A100-SXM4-80GB", "fp32"), 19.5e12);
  EXPECT_EQ(device_peak("NVIDIA A100 80GB PCIe", "tf32"), 156e12);
  EXPECT_EQ(device_peak("NVIDIA A100-PCIE-40GB", "amp"), 312e12);
  EXPECT_EQ(device_peak("Tesla T4", "fp16"), 65e12);
  EXPECT_EQ(device_peak("Tesla V100-SXM2-32GB", "fp16"), 125e12);
  EXPECT_EQ(device_peak("Tesla V100S-PCIE-32GB", "fp16"), 130e12);
  EXPECT_EQ(device_peak("Quadro RTX 8000", "fp32"), 16.3e12);
  EXPECT_EQ(device_peak("NVIDIA L40S", "bf16"), 362.05e12);
  EXPECT_EQ(device_peak("NVIDIA H100 80GB HBM3", "bf16"), 989.5e12);
  EXPECT_EQ(device_peak("NVIDIA H100 PCIe", "bf16"), 756.5e12);
  EXPECT_EQ(device_peak("NVIDIA H200", "tf32"), 494.5e12);
  EXPECT_EQ(device_peak("NVIDIA H200 NVL", "tf32"), 417.5e12);
}

TEST(DevicePeak, IsUnknownRatherThanThatOfAnotherDevice) {
  EXPECT_EQ(device_peak("", "fp32"), std::nullopt);
  EXPECT_EQ(device_peak("NVIDIA GH200 480GB", "bf16"), std::nullopt);
  EXPECT_EQ(device_peak("NVIDIA L40", "bf16"), std::nullopt);
  EXPECT_EQ(device_peak("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "bf16"), std::nullopt);
  EXPECT_EQ(device_peak("Quadro RTX 6000", "fp16"), std::nullopt);
  EXPECT_EQ(device_peak("Tesla V100-SXM2-16GB", "bf16"), std::nullopt) << "it has no unit for it";
  EXPECT_EQ(device_peak("Tesla T4", "tf32"), std::nullopt);
}

TEST(UtilizationOf, IsOfADevice) {
  const Utilization use = utilization_of(on_device("NVIDIA A100-SXM4-80GB", "amp"), 20'800, 2);
  EXPECT_DOUBLE_EQ(*use.flops_per_second, 31.2e12);
  EXPECT_DOUBLE_EQ(*use.share(), 0.1);
  EXPECT_EQ(words(use), "the model computes at 31.2 TFLOP/s a device, 10.0 % of its peak of 312 TFLOP/s");
}

TEST(UtilizationOf, SaysWhatIsAchievedWhereThePeakIsUnknown) {
  log::RunAttributes id = on_device("Intel Xeon", "fp32");
  id.device = "cpu";
  const Utilization use = utilization_of(id, 10, 1);
  EXPECT_EQ(use.share(), std::nullopt);
  EXPECT_EQ(words(use), "the model computes at 30.0 GFLOP/s a device");
}

TEST(UtilizationOf, IsNothingWhereTheLogDoesNotCount) {
  log::RunAttributes id = on_device("Tesla T4", "fp16");
  for (const std::int64_t flops : {std::int64_t{0}, std::int64_t{-5}}) {
    id.flops_per_sample = flops;
    EXPECT_EQ(utilization_of(id, 10, 1).flops_per_second, std::nullopt);
  }
  EXPECT_EQ(words({}), "");
}

TEST(UtilizationTable, HasARowForEachRunThatCounts) {
  std::vector<RankLog> logs{testing::sample_log(0, 1, std::vector<std::int64_t>(20, 100'000'000))};
  logs[0].attributes.device = "cuda";
  logs[0].attributes.device_name = "Tesla T4";
  logs[0].attributes.flops_per_sample = 1'000'000'000;
  Report report;
  report.runs = {summarize(testing::sample_run(std::move(logs))), testing::sample_summary("other", 1, 10)};
  EXPECT_THAT(report.runs[0].limit.sentence,
              EndsWith("; the model computes at 320 GFLOP/s a device, 4.0 % of its peak of 8.10 TFLOP/s."));
  EXPECT_THAT(report.runs[1].limit.sentence, ::testing::Not(HasSubstr("FLOP/s")));
  const Table table = utilization_table(report);
  ASSERT_THAT(table.rows, SizeIs(1));
  EXPECT_NEAR(std::get<double>(table.rows[0].back()), 0.32 / 8.1, 1e-9);
}

}  // namespace
}  // namespace trainyard::report
