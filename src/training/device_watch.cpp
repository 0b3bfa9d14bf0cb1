#include "training/device_watch.h"

#include <vector>

#include "comm/device_facts.h"
#include "core/error.h"
#include "parallel/devices.h"

namespace trainyard::training {

std::unique_ptr<timing::DeviceSampler> watch_devices(at::Device first, int count, log::Writer& writer,
                                                     std::int64_t log_zero_ns,
                                                     const std::function<void(const std::string&)>& warn) {
  if (!first.is_cuda()) return nullptr;
  try {
    std::vector<std::string> uuids;
    for (const at::Device device : parallel::devices_from(first, count))
      uuids.push_back(comm::device_facts(device).uuid);
    return std::make_unique<timing::DeviceSampler>(std::make_unique<timing::Nvml>(), uuids, writer, log_zero_ns);
  } catch (const core::Error& error) {
    warn(std::string("the log has no utilisation and power of devices: ") + error.what());
    return nullptr;
  }
}

}  // namespace trainyard::training
