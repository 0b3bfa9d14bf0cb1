#pragma once

#include <filesystem>
#include <string>

namespace trainyard::timing::test {

/// The library made of fake_nvml.cpp: "fake_nvml", or "fake_nvml_without_power".
inline std::filesystem::path fake_nvml(const std::string& name = "fake_nvml") {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path() / ("lib" + name + ".so");
}

}  // namespace trainyard::timing::test
