#include "report/utilization.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <string_view>

#include "report/format.h"
#include "report/table.h"

namespace trainyard::report {
namespace {

/// Dense peaks in TFLOP/s; 0 where the device has no unit for the type.
struct Device {
  std::array<std::string_view, 3> words;  ///< of its name, all of them
  double fp32;                            ///< without tensor cores
  double tf32;
  double half;  ///< tensor cores, products of fp16 added up in fp32
  double bf16;
};

// From NVIDIA's data sheets, whose figures for tensor cores from Ada on are with sparsity: half of these is dense.
// Pages that quote them were found (2026-11-28 and 29, NVIDIA's own being out of reach) for V100 (sheet of 2020), T4
// (2019), A100 (2021), L40S (2023), H100 SXM and PCIe (2023), and of H100 NVL and H200 (2024) for half precision.
// Unverified: the TF32 of these two, half of that as on every Hopper, and H100 NVL's fp32; RTX 8000's 130.5, which 576
// tensor cores x 128 operations x 1.77 GHz give as well; H200 NVL, taken to be H100 NVL's.
constexpr std::array kDevices{
    Device{{"V100", "SXM2"}, 15.7, 0, 125, 0},
    Device{{"V100", "SXM3"}, 15.7, 0, 125, 0},
    Device{{"V100", "PCIE"}, 14, 0, 112, 0},
    Device{{"V100S", "PCIE"}, 16.4, 0, 130, 0},
    Device{{"T4"}, 8.1, 0, 65, 0},
    Device{{"Quadro", "RTX", "8000"}, 16.3, 0, 130.5, 0},
    Device{{"A100", "SXM4"}, 19.5, 156, 312, 312},
    Device{{"A100", "PCIE"}, 19.5, 156, 312, 312},
    Device{{"L40S"}, 91.6, 183, 362.05, 362.05},
    Device{{"H100", "PCIE"}, 51, 378, 756.5, 756.5},
    Device{{"H100", "NVL"}, 60, 417.5, 835.5, 835.5},
    Device{{"H100", "HBM3"}, 67, 494.5, 989.5, 989.5},
    Device{{"H200", "NVL"}, 60, 417.5, 835.5, 835.5},
    Device{{"H200"}, 67, 494.5, 989.5, 989.5},
};

/// Whether the name has this word, in letters of either case; "GH200" does not have "H200".
bool has_word(std::string_view name, std::string_view word) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  const auto same = [](char a, char b) {
    return std::toupper(static_cast<unsigned char>(a)) == std::toupper(static_cast<unsigned char>(b));
  };
  for (auto at = name.begin();; ++at) {
    at = std::search(at, name.end(), word.begin(), word.end(), same);
    if (at == name.end()) return false;
    const auto behind = at + static_cast<std::ptrdiff_t>(word.size());
    if ((at == name.begin() || !is_letter(at[-1])) && (behind == name.end() || !is_letter(*behind))) return true;
  }
}

double peak_of(const Device& device, std::string_view precision) {
  if (precision == "fp32") return device.fp32;
  if (precision == "tf32") return device.tf32;
  if (precision == "amp" || precision == "fp16") return device.half;
  return precision == "bf16" ? device.bf16 : 0;
}

std::string rate(double flops_per_second) {
  return display(flops_per_second, Format::kFlopRate);
}

}  // namespace

std::optional<double> Utilization::share() const {
  if (!flops_per_second || !device_flops_per_second) return std::nullopt;
  return *flops_per_second / *device_flops_per_second;
}

std::optional<double> device_peak(const std::string& device_name, const std::string& precision) {
  if (has_word(device_name, "MIG")) return std::nullopt;
  for (const Device& device : kDevices) {
    const bool is_it = std::all_of(device.words.begin(), device.words.end(), [&device_name](std::string_view word) {
      return word.empty() || has_word(device_name, word);
    });
    if (!is_it) continue;
    const double teraflops = peak_of(device, precision);
    return teraflops > 0 ? std::optional(teraflops * 1e12) : std::nullopt;
  }
  return std::nullopt;
}

Utilization utilization_of(const log::RunAttributes& id, std::optional<double> images_per_second,
                           std::int64_t devices) {
  Utilization utilization;
  if (id.flops_per_sample <= 0 || !images_per_second || devices <= 0) return utilization;
  utilization.flops_per_second =
      *images_per_second * static_cast<double>(id.flops_per_sample) / static_cast<double>(devices);
  if (id.device == "cuda") utilization.device_flops_per_second = device_peak(id.device_name, id.precision);
  return utilization;
}

std::string words(const Utilization& utilization) {
  if (!utilization.flops_per_second) return "";
  const std::string achieved = rate(*utilization.flops_per_second);
  if (!utilization.share()) return fmt::format("the model computes at {} a device", achieved);
  return fmt::format("the model computes at {} a device, {} of its peak of {}", achieved,
                     format_percent(*utilization.share()), rate(*utilization.device_flops_per_second));
}

}  // namespace trainyard::report
