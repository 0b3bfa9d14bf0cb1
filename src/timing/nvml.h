#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace trainyard::timing {

/// NVIDIA's management library (docs.nvidia.com/deploy/nvml-api), which a driver brings and no program of ours links:
/// it is opened at run time. It tells of a device as a whole, whoever uses it.
class Nvml {
 public:
  /// What the library calls a device; valid as long as the object it is from.
  using Device = void*;

  /// @throws core::Error that says why where it is not there, lacks a function or does not start.
  explicit Nvml(const std::filesystem::path& library = "libnvidia-ml.so.1");
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  /// By its UUID, "GPU-...", since CUDA's numbers are those of the devices that a process was given.
  /// @throws core::Error, as each of the following, with the function and NVML's own words.
  Device device(const std::string& uuid) const;
  /// 0 to 1: the share of the last sampling period (at most a second) in which some kernel ran.
  double utilization(Device device) const;
  double power_w(Device device) const;
  /// In use, by anyone.
  std::int64_t memory_bytes(Device device) const;

 private:
  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace trainyard::timing
