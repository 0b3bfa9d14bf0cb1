#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "log/schema.h"

namespace trainyard::report {

/// How much of what its devices can compute a run makes use of. Nothing where the log or the table of devices does not
/// say.
struct Utilization {
  std::optional<double> flops_per_second;         ///< of a device: floating-point operations of the model
  std::optional<double> device_flops_per_second;  ///< the documented peak of a device, in the run's precision
  /// The first over the second.
  std::optional<double> share() const;
};

inline constexpr const char* kUtilizationRule =
    "Model FLOP/s: samples a second times the operations that one takes in the model's convolutions and matrix "
    "products, forward and backward, as the log has them (recomputation not counted), over all devices. The peak is "
    "the maker's for dense matrix products in the run's precision: of amp and fp16 that of half precision. Of "
    "processors there is no such figure.";

/// The peak of a device of this product name, as CUDA tells it, in FLOP/s. Nothing for devices that are not in the
/// table, parts of a device (MIG), and precisions that the device has no unit for.
std::optional<double> device_peak(const std::string& device_name, const std::string& precision);

/// `images_per_second`: of all `devices` together.
Utilization utilization_of(const log::RunAttributes& id, std::optional<double> images_per_second, std::int64_t devices);

/// "the model computes at 122 TFLOP/s a device, 39.0 % of its peak of 312 TFLOP/s", for a sentence to go on with; empty
/// where nothing is known.
std::string words(const Utilization& utilization);

}  // namespace trainyard::report
