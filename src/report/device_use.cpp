#include "report/device_use.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace trainyard::report {
namespace {

constexpr std::int64_t kMostDevices = 1024;
constexpr double kMostWatts = 1e5;
constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;
constexpr std::int64_t kLongestGapNs = 60'000'000'000;

bool is_share(double value) {
  return value >= 0 && value <= 1;
}
bool is_power(double watts) {
  return watts >= 0 && watts <= kMostWatts;
}

/// By trapezoids, between two samples that both tell.
double energy_between(const log::DeviceRow& before, const log::DeviceRow& after) {
  if (!is_power(before.power_w) || !is_power(after.power_w) || after.time_ns <= before.time_ns) return 0;
  const auto gap_ns = static_cast<std::uint64_t>(after.time_ns) - static_cast<std::uint64_t>(before.time_ns);
  const double seconds = 1e-9 * static_cast<double>(std::min<std::uint64_t>(gap_ns, kLongestGapNs));
  return seconds * (before.power_w + after.power_w) / 2;
}

void add(DeviceUse& use, const log::DeviceRow& row) {
  if (is_share(row.utilization)) {
    use.utilization_lowest = use.watched == 0 ? row.utilization : std::min(use.utilization_lowest, row.utilization);
    use.utilization_sum += row.utilization;
    ++use.watched;
  }
  if (is_power(row.power_w)) {
    use.power_sum_w += row.power_w;
    ++use.powered;
  }
  if (row.memory_bytes <= kMostBytes) use.peak_bytes = std::max(use.peak_bytes, row.memory_bytes);
}

void add(DeviceUse& sum, const DeviceUse& other) {
  if (other.watched > 0) {
    sum.utilization_lowest =
        sum.watched == 0 ? other.utilization_lowest : std::min(sum.utilization_lowest, other.utilization_lowest);
  }
  sum.watched += other.watched;
  sum.utilization_sum += other.utilization_sum;
  sum.powered += other.powered;
  sum.power_sum_w += other.power_sum_w;
  sum.energy_j += other.energy_j;
  sum.peak_bytes = std::max(sum.peak_bytes, other.peak_bytes);
}

}  // namespace

std::optional<double> DeviceUse::mean_utilization() const {
  return watched > 0 ? std::optional(utilization_sum / static_cast<double>(watched)) : std::nullopt;
}

std::optional<double> DeviceUse::mean_power_w() const {
  return powered > 0 ? std::optional(power_sum_w / static_cast<double>(powered)) : std::nullopt;
}

std::vector<DeviceUse> device_use(const std::vector<log::DeviceRow>& rows, std::int64_t rank) {
  std::map<std::int64_t, std::pair<DeviceUse, const log::DeviceRow*>> devices;  // and each one's last row
  for (const log::DeviceRow& row : rows) {
    if (row.device < 0 || row.device >= kMostDevices) continue;
    auto& [use, last] = devices[row.device];
    add(use, row);
    if (last != nullptr) use.energy_j += energy_between(*last, row);
    last = &row;
  }
  std::vector<DeviceUse> uses;
  for (const auto& [device, found] : devices) {
    uses.push_back(found.first);
    uses.back().rank = rank;
    uses.back().device = device;
  }
  return uses;
}

void add_device_use(std::vector<DeviceUse>& sum, const std::vector<DeviceUse>& other) {
  const auto place = [](const DeviceUse& use) { return std::pair(use.rank, use.device); };
  for (const DeviceUse& use : other) {
    const auto at = std::ranges::lower_bound(sum, place(use), {}, place);
    if (at != sum.end() && place(*at) == place(use)) {
      add(*at, use);
    } else {
      sum.insert(at, use);
    }
  }
}

DeviceUse together(const std::vector<DeviceUse>& devices) {
  DeviceUse sum;
  for (const DeviceUse& use : devices)
    add(sum, use);
  return sum;
}

const DeviceUse* idlest(const std::vector<DeviceUse>& devices) {
  const DeviceUse* found = nullptr;
  for (const DeviceUse& use : devices) {
    if (use.watched > 0 && (found == nullptr || *use.mean_utilization() < *found->mean_utilization())) found = &use;
  }
  return found;
}

}  // namespace trainyard::report
