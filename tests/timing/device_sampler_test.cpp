#include "timing/device_sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/clock.h"
#include "core/error.h"
#include "log/reader.h"
#include "support/temporary_folder.h"
#include "timing/fake_nvml.h"

namespace trainyard::timing {
namespace {

using std::chrono::milliseconds;
using test::fake_nvml;

class DeviceSamplerTest : public ::testing::Test {
 protected:
  DeviceSamplerTest() : writer_(std::make_unique<log::Writer>(file_, log::RunAttributes())) {}
  ~DeviceSamplerTest() override { unsetenv("FAKE_NVML_REFUSES"); }

  std::unique_ptr<DeviceSampler> sampler(const std::vector<std::string>& uuids, milliseconds interval) {
    return std::make_unique<DeviceSampler>(std::make_unique<Nvml>(fake_nvml()), uuids, *writer_, zero_ns_, interval);
  }
  /// The finished log.
  log::Reader read() {
    writer_->finish();
    return log::Reader(file_);
  }

  testing::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "rank-00000.h5";
  std::int64_t zero_ns_ = core::steady_ns();
  std::unique_ptr<log::Writer> writer_;
};

TEST_F(DeviceSamplerTest, LogsEachDeviceAtBothEndsHoweverLongTheInterval) {
  sampler({"GPU-one", "GPU-two"}, milliseconds(3'600'000)).reset();
  const log::Reader reader = read();
  const log::Columns<log::DeviceRow> rows = reader.read<log::DeviceRow>();
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_THAT(rows[&log::DeviceRow::device], ::testing::ElementsAre(0, 1, 0, 1));
  EXPECT_THAT(rows[&log::DeviceRow::utilization], ::testing::ElementsAre(0.8, 0.05, 0.8, 0.05));
  EXPECT_THAT(rows[&log::DeviceRow::power_w], ::testing::ElementsAre(300.5, 60, 300.5, 60));
  EXPECT_EQ(rows.row(1).memory_bytes, 1'000'000);
  EXPECT_GE(rows.row(0).time_ns, 0);
  EXPECT_LE(rows.row(3).time_ns, core::steady_ns() - zero_ns_);
  EXPECT_EQ(reader.read<log::EventRow>().size(), 0U);
}

TEST_F(DeviceSamplerTest, LogsAgainAndAgain) {
  {
    const auto running = sampler({"GPU-one"}, milliseconds(1));
    const std::int64_t deadline_ns = core::steady_ns() + 10'000'000'000;
    while (core::steady_ns() < deadline_ns) {
      writer_->flush();
      if (log::Reader(file_).read<log::DeviceRow>().size() >= 5) break;
    }
  }
  EXPECT_GE(read().read<log::DeviceRow>().size(), 5U);
}

TEST_F(DeviceSamplerTest, WhatADeviceDoesNotTellIsUnknownAndSaidOnce) {
  setenv("FAKE_NVML_REFUSES", "nvmlDeviceGetPowerUsage", 1);
  sampler({"GPU-one"}, milliseconds(3'600'000)).reset();
  const log::Reader reader = read();
  const log::Columns<log::DeviceRow> rows = reader.read<log::DeviceRow>();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(std::isnan(rows.row(1).power_w));
  EXPECT_EQ(rows.row(1).utilization, 0.8);
  const log::Columns<log::EventRow> events = reader.read<log::EventRow>();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events.row(0).kind, "warning");
  EXPECT_EQ(events.row(0).text, "device 0 does not tell: nvmlDeviceGetPowerUsage: Not Supported");
}

TEST_F(DeviceSamplerTest, EndsQuietlyWhereTheLogIsClosed) {
  writer_->finish();
  EXPECT_NO_THROW(sampler({"GPU-one"}, milliseconds(1)).reset());
}

TEST_F(DeviceSamplerTest, RefusesADeviceThatNobodyKnows) {
  EXPECT_THROW(sampler({"GPU-three"}, milliseconds(1)), core::Error);
}

}  // namespace
}  // namespace trainyard::timing
