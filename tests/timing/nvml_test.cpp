#include "timing/nvml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>

#include "core/error.h"
#include "timing/fake_nvml.h"

namespace trainyard::timing {
namespace {

using test::fake_nvml;
using ::testing::HasSubstr;

std::string refusal(const std::function<void()>& act) {
  try {
    act();
  } catch (const core::Error& error) {
    return error.what();
  }
  return {};
}

class NvmlTest : public ::testing::Test {
 protected:
  ~NvmlTest() override { unsetenv("FAKE_NVML_REFUSES"); }
};

TEST_F(NvmlTest, TellsOfTheDeviceOfAUuidInOurUnits) {
  const Nvml nvml(fake_nvml());
  const Nvml::Device device = nvml.device("GPU-one");
  EXPECT_DOUBLE_EQ(nvml.utilization(device), 0.8);
  EXPECT_DOUBLE_EQ(nvml.power_w(device), 300.5);
  EXPECT_EQ(nvml.memory_bytes(device), 7'000'000'000);
  EXPECT_DOUBLE_EQ(nvml.utilization(nvml.device("GPU-two")), 0.05);
}

TEST_F(NvmlTest, NamesTheFunctionThatFailsInTheLibrarysWords) {
  const Nvml nvml(fake_nvml());
  EXPECT_EQ(refusal([&] { nvml.device("GPU-three"); }), "nvmlDeviceGetHandleByUUID of GPU-three: Not Found");
  const Nvml::Device device = nvml.device("GPU-one");
  setenv("FAKE_NVML_REFUSES", "nvmlDeviceGetUtilizationRates", 1);
  EXPECT_EQ(refusal([&] { nvml.utilization(device); }), "nvmlDeviceGetUtilizationRates: Not Supported");
  setenv("FAKE_NVML_REFUSES", "nvmlDeviceGetPowerUsage", 1);
  EXPECT_EQ(refusal([&] { nvml.power_w(device); }), "nvmlDeviceGetPowerUsage: Not Supported");
  setenv("FAKE_NVML_REFUSES", "nvmlDeviceGetMemoryInfo", 1);
  EXPECT_EQ(refusal([&] { nvml.memory_bytes(device); }), "nvmlDeviceGetMemoryInfo: Not Supported");
  setenv("FAKE_NVML_REFUSES", "nvmlInit_v2", 1);
  EXPECT_EQ(refusal([] { const Nvml again(fake_nvml()); }), "nvmlInit_v2: Not Supported");
}

TEST_F(NvmlTest, SaysThatThereIsNoLibraryOrTooOldAOne) {
  EXPECT_THAT(refusal([] { const Nvml nvml("/nowhere/libnvidia-ml.so.1"); }), HasSubstr("/nowhere/libnvidia-ml.so.1"));
  EXPECT_EQ(refusal([] { const Nvml nvml(fake_nvml("fake_nvml_without_power")); }),
            "NVML lacks nvmlDeviceGetPowerUsage: the driver is too old");
}

}  // namespace
}  // namespace trainyard::timing
