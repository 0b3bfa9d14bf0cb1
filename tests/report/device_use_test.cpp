#include "report/device_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "report/report.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

log::DeviceRow row(std::int64_t second, double utilization, double power_w, std::int64_t memory_bytes = 10,
                   std::int64_t device = 0) {
  return {.time_ns = second * kSecond,
          .device = device,
          .utilization = utilization,
          .power_w = power_w,
          .memory_bytes = memory_bytes};
}

TEST(DeviceUse, IsMeanLowestEnergyAndMostMemoryOfEachDevice) {
  const std::vector<DeviceUse> devices =
      device_use({row(0, 0.5, 100), row(0, 1, 300, 5, 1), row(2, 0.7, 200, 30), row(1, 1, 300, 5, 1)}, 4);
  ASSERT_EQ(devices.size(), 2U);
  EXPECT_EQ(devices[0].rank, 4);
  EXPECT_DOUBLE_EQ(*devices[0].mean_utilization(), 0.6);
  EXPECT_DOUBLE_EQ(devices[0].utilization_lowest, 0.5);
  EXPECT_DOUBLE_EQ(*devices[0].mean_power_w(), 150);
  EXPECT_DOUBLE_EQ(devices[0].energy_j, 300);  // 150 W for 2 s
  EXPECT_EQ(devices[0].peak_bytes, 30);
  EXPECT_EQ(devices[1].device, 1);
  EXPECT_DOUBLE_EQ(devices[1].energy_j, 300);
}

TEST(DeviceUse, WhatADeviceDoesNotTellOrNoneHasIsPassedOver) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<DeviceUse> devices = device_use(
      {row(0, nan, nan, -1), row(1, 1.5, -3, std::int64_t{1} << 60), row(2, 0.4, 1e300), row(9, 0.4, 100, 10, -1)}, 0);
  ASSERT_EQ(devices.size(), 1U);
  EXPECT_EQ(devices[0].watched, 1);
  EXPECT_EQ(devices[0].mean_power_w(), std::nullopt);
  EXPECT_EQ(devices[0].energy_j, 0);
  EXPECT_EQ(devices[0].peak_bytes, 10);
}

TEST(DeviceUse, NoTimeGoesBackAndAGapIsNoLongRun) {
  constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
  log::DeviceRow early = row(0, 1, 100);
  early.time_ns = kLowest;
  EXPECT_DOUBLE_EQ(device_use({row(5, 1, 100), row(3, 1, 100)}, 0)[0].energy_j, 0);
  EXPECT_DOUBLE_EQ(device_use({row(0, 1, 100), row(100'000, 1, 100)}, 0)[0].energy_j, 6000);
  EXPECT_DOUBLE_EQ(device_use({early, row(9, 1, 100)}, 0)[0].energy_j, 6000);
}

Run watched_run() {
  std::vector<Start> starts;
  for (std::int64_t restart = 0; restart < 2; ++restart) {
    std::vector<RankLog> ranks;
    for (std::int64_t rank = 0; rank < 2; ++rank) {
      ranks.push_back(testing::sample_log(rank, 2, std::vector<std::int64_t>(20, kSecond), 20 * restart));
      const double busy = rank == 0 ? 0.9 : 0.3;
      ranks.back().devices = device_use({row(0, busy, 200), row(10, busy - 0.1, 200)}, rank);
    }
    starts.push_back({restart, std::move(ranks)});
  }
  return {"results/run/1", std::move(starts)};
}

TEST(DeviceUse, OfARunIsThatOfAllItsStartsAndNamesTheIdlestDevice) {
  Report report;
  report.runs.push_back(summarize(watched_run()));
  report.runs.push_back(testing::sample_summary("unwatched", 1, 10));
  const Table table = devices_table(report);
  ASSERT_EQ(table.rows.size(), 1U) << "a run that nobody watched has no row";
  const auto& cells = table.rows[0];
  EXPECT_EQ(std::get<std::int64_t>(cells[1]), 2);
  EXPECT_DOUBLE_EQ(std::get<double>(cells[2]), 0.55);
  EXPECT_DOUBLE_EQ(std::get<double>(cells[3]), 0.25);
  EXPECT_EQ(std::get<std::int64_t>(cells[4]), 1);
  EXPECT_DOUBLE_EQ(std::get<double>(cells[5]), 0.2);
  EXPECT_DOUBLE_EQ(std::get<double>(cells[6]), 200);
  EXPECT_DOUBLE_EQ(std::get<double>(cells[7]), 8000 / 3.6e6);  // 4 times 200 W for 10 s
}

}  // namespace
}  // namespace trainyard::report
