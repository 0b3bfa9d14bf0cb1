#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "log/schema.h"

namespace trainyard::report {

/// What one device of a rank did while it was watched. A count of 0: it did not tell.
struct DeviceUse {
  std::int64_t rank = 0;
  std::int64_t device = 0;   ///< which of the rank's
  std::int64_t watched = 0;  ///< samples with a utilisation
  double utilization_sum = 0;
  double utilization_lowest = 0;
  std::int64_t powered = 0;  ///< samples with a power
  double power_sum_w = 0;
  double energy_j = 0;
  std::int64_t peak_bytes = -1;  ///< most memory in use, by anyone; -1: unknown

  std::optional<double> mean_utilization() const;
  std::optional<double> mean_power_w() const;
};

inline constexpr const char* kDeviceRule =
    "Devices: what NVML told about once a second between the beginning and the end of training, validation and "
    "checkpoints included, over all starts. Utilisation is the share of time in which some kernel ran, so high is not "
    "yet "
    "fast. Energy is power over time; memory is that of the whole device, whoever uses it.";

/// One for each device in a rank's rows, by device. Values that no device has are passed over; a gap between two
/// samples counts as at most a minute.
std::vector<DeviceUse> device_use(const std::vector<log::DeviceRow>& rows, std::int64_t rank);

/// Adds what the same devices did in another start; sorted by rank and device.
void add_device_use(std::vector<DeviceUse>& sum, const std::vector<DeviceUse>& other);

/// All devices of a run as one: means over all samples, the lowest sample, all energy, and the largest memory.
DeviceUse together(const std::vector<DeviceUse>& devices);

/// The device with the lowest mean utilisation; nullptr where none tells.
const DeviceUse* idlest(const std::vector<DeviceUse>& devices);

}  // namespace trainyard::report
