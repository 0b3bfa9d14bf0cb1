#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "log/writer.h"
#include "timing/nvml.h"

namespace trainyard::timing {

/// While it lives, a thread of its own asks NVML once a second what the devices of this rank do, and appends a row of
/// /devices for each: at the beginning, every second, and at the end. What a device does not tell is unknown in its
/// rows and an event of the log, once.
class DeviceSampler {
 public:
  /// uuids: as device_facts() has them, in the order of the column `device`. writer and the log's time zero
  /// (core::steady_ns()) are those of the rank's log; the writer must outlive this, and not be finished before.
  /// @throws core::Error where NVML does not know a device.
  DeviceSampler(std::unique_ptr<Nvml> nvml, const std::vector<std::string>& uuids, log::Writer& writer,
                std::int64_t log_zero_ns, std::chrono::nanoseconds interval = std::chrono::seconds(1));
  ~DeviceSampler();
  DeviceSampler(const DeviceSampler&) = delete;
  DeviceSampler& operator=(const DeviceSampler&) = delete;

 private:
  void serve();
  void sample();
  /// ask(device), or `unknown`.
  template <class Value>
  Value known(Value (Nvml::*ask)(Nvml::Device) const, std::size_t device, Value unknown);

  std::unique_ptr<Nvml> nvml_;
  std::vector<Nvml::Device> devices_;
  log::Writer& writer_;
  std::int64_t log_zero_ns_;
  std::chrono::nanoseconds interval_;
  std::set<std::string> said_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_wanted_ = false;
  std::thread thread_;
};

}  // namespace trainyard::timing
