#include "timing/nvml.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/error.h"
#include "core/logging.h"
#include "core/text.h"

namespace trainyard::timing {
namespace {

// The parts of nvml.h that are called here: it comes with CUDA's toolkit, which a machine that builds need not have.
using Status = int;
constexpr Status kSuccess = 0;
struct Utilization {
  unsigned int gpu = 0;  ///< percent
  unsigned int memory = 0;
};
struct Memory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};

}  // namespace

struct Nvml::Library {
  explicit Library(const std::filesystem::path& path)
      : handle(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL), &Library::close) {
    if (handle == nullptr) throw core::Error(core::one_line(dlerror()));
    find("nvmlErrorString", error_string);
    find("nvmlInit_v2", init);
    find("nvmlShutdown", shutdown);
    find("nvmlDeviceGetHandleByUUID", handle_by_uuid);
    find("nvmlDeviceGetUtilizationRates", utilization_rates);
    find("nvmlDeviceGetPowerUsage", power_usage);
    find("nvmlDeviceGetMemoryInfo", memory_info);
  }

  static void close(void* handle) noexcept {
    if (dlclose(handle) != 0) core::log_warning(fmt::format("dlclose of NVML: {}", dlerror()));
  }

  template <class Function>
  void find(const char* name, Function*& function) const {
    void* symbol = dlsym(handle.get(), name);
    if (symbol == nullptr) throw core::Error(fmt::format("NVML lacks {}: the driver is too old", name));
    function = reinterpret_cast<Function*>(symbol);
  }
  void check(Status status, const char* function) const {
    if (status != kSuccess) throw core::Error(fmt::format("{}: {}", function, error_string(status)));
  }

  std::unique_ptr<void, void (*)(void*)> handle;
  const char* (*error_string)(Status) = nullptr;
  Status (*init)() = nullptr;
  Status (*shutdown)() = nullptr;
  Status (*handle_by_uuid)(const char*, Device*) = nullptr;
  Status (*utilization_rates)(Device, Utilization*) = nullptr;
  Status (*power_usage)(Device, unsigned int*) = nullptr;
  Status (*memory_info)(Device, Memory*) = nullptr;
};

Nvml::Nvml(const std::filesystem::path& library) : library_(std::make_unique<Library>(library)) {
  library_->check(library_->init(), "nvmlInit_v2");
}

Nvml::~Nvml() {
  if (const Status status = library_->shutdown(); status != kSuccess) {
    core::log_warning(fmt::format("nvmlShutdown: {}", library_->error_string(status)));
  }
}

Nvml::Device Nvml::device(const std::string& uuid) const {
  Device device = nullptr;
  const Status status = library_->handle_by_uuid(uuid.c_str(), &device);
  library_->check(status, ("nvmlDeviceGetHandleByUUID of " + uuid).c_str());
  return device;
}

double Nvml::utilization(Device device) const {
  Utilization rates;
  library_->check(library_->utilization_rates(device, &rates), "nvmlDeviceGetUtilizationRates");
  return rates.gpu / 100.0;
}

double Nvml::power_w(Device device) const {
  unsigned int milliwatts = 0;
  library_->check(library_->power_usage(device, &milliwatts), "nvmlDeviceGetPowerUsage");
  return milliwatts / 1000.0;
}

std::int64_t Nvml::memory_bytes(Device device) const {
  Memory memory;
  library_->check(library_->memory_info(device, &memory), "nvmlDeviceGetMemoryInfo");
  return static_cast<std::int64_t>(memory.used);
}

}  // namespace trainyard::timing
