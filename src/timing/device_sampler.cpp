#include "timing/device_sampler.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/signals.h"

namespace trainyard::timing {

DeviceSampler::DeviceSampler(std::unique_ptr<Nvml> nvml, const std::vector<std::string>& uuids, log::Writer& writer,
                             std::int64_t log_zero_ns, std::chrono::nanoseconds interval)
    : nvml_(std::move(nvml)), writer_(writer), log_zero_ns_(log_zero_ns), interval_(interval) {
  for (const std::string& uuid : uuids)
    devices_.push_back(nvml_->device(uuid));
  const core::SignalBlock block;
  thread_ = std::thread([this] { serve(); });
}

DeviceSampler::~DeviceSampler() {
  {
    const std::lock_guard lock(mutex_);
    stop_wanted_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void DeviceSampler::serve() {
  try {
    std::unique_lock lock(mutex_);
    do {
      sample();
    } while (!wake_.wait_for(lock, interval_, [this] { return stop_wanted_; }));
    sample();
  } catch (const core::Error&) {
    // The log cannot be written. Training writes it too, and says so.
  }
}

void DeviceSampler::sample() {
  for (std::size_t device = 0; device < devices_.size(); ++device) {
    log::DeviceRow row;
    row.time_ns = core::steady_ns() - log_zero_ns_;
    row.device = static_cast<std::int64_t>(device);
    row.utilization = known(&Nvml::utilization, device, std::numeric_limits<double>::quiet_NaN());
    row.power_w = known(&Nvml::power_w, device, std::numeric_limits<double>::quiet_NaN());
    row.memory_bytes = known(&Nvml::memory_bytes, device, std::int64_t{-1});
    writer_.append(row);
  }
}

template <class Value>
Value DeviceSampler::known(Value (Nvml::*ask)(Nvml::Device) const, std::size_t device, Value unknown) {
  try {
    return (*nvml_.*ask)(devices_[device]);
  } catch (const core::Error& error) {
    const std::string text = fmt::format("device {} does not tell: {}", device, error.what());
    if (said_.insert(text).second) {
      writer_.append(log::EventRow{.time_ns = core::steady_ns() - log_zero_ns_, .kind = "warning", .text = text});
    }
    return unknown;
  }
}

}  // namespace trainyard::timing
