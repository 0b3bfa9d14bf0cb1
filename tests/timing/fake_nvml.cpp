// A libnvidia-ml.so of two GPUs, by the signatures of NVML's documentation. FAKE_NVML_REFUSES names a function that
// fails with NVML_ERROR_NOT_SUPPORTED; FAKE_NVML_LACKS_POWER at compile time leaves a function out.
#include <cstdlib>
#include <string_view>

namespace {

constexpr int kNotFound = 6;
constexpr int kNotSupported = 3;

int status_of(std::string_view function) {
  const char* refused = std::getenv("FAKE_NVML_REFUSES");
  return refused != nullptr && function == refused ? kNotSupported : 0;
}

struct Gpu {
  std::string_view uuid;
  unsigned int percent;
  unsigned int milliwatts;
  unsigned long long used;
};
constexpr Gpu kGpus[] = {{"GPU-one", 80, 300'500, 7'000'000'000}, {"GPU-two", 5, 60'000, 1'000'000}};

const Gpu& gpu(void* device) {
  return *static_cast<const Gpu*>(device);
}

}  // namespace

extern "C" {

const char* nvmlErrorString(int status) {
  return status == kNotFound ? "Not Found" : "Not Supported";
}
int nvmlInit_v2() {
  return status_of("nvmlInit_v2");
}
int nvmlShutdown() {
  return 0;
}
int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
  for (const Gpu& candidate : kGpus) {
    if (candidate.uuid != uuid) continue;
    *device = const_cast<Gpu*>(&candidate);
    return 0;
  }
  return kNotFound;
}
int nvmlDeviceGetUtilizationRates(void* device, unsigned int* gpu_and_memory) {
  gpu_and_memory[0] = gpu(device).percent;
  gpu_and_memory[1] = 0;
  return status_of("nvmlDeviceGetUtilizationRates");
}
#ifndef FAKE_NVML_LACKS_POWER
int nvmlDeviceGetPowerUsage(void* device, unsigned int* milliwatts) {
  *milliwatts = gpu(device).milliwatts;
  return status_of("nvmlDeviceGetPowerUsage");
}
#endif
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* total_free_used) {
  total_free_used[0] = 80'000'000'000;
  total_free_used[1] = 80'000'000'000 - gpu(device).used;
  total_free_used[2] = gpu(device).used;
  return status_of("nvmlDeviceGetMemoryInfo");
}
}
