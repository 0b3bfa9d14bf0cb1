#pragma once

#include <cstddef>
#include <vector>

#include "report/summary.h"

namespace trainyard::report {

/// Weak: the same batch per device as the baseline. Strong: the same global batch.
enum class ScalingKind { kWeak, kStrong };

/// One run against its single-device baseline; both index the runs given to `find_scaling`.
struct Scaling {
  std::size_t run = 0;
  std::size_t baseline = 0;
  ScalingKind kind = ScalingKind::kWeak;
  double speedup = 0;     ///< samples per second / those of the baseline
  double efficiency = 0;  ///< speedup / devices
};

inline constexpr const char* kBaselineRule =
    "Speedup: samples per second over those of the run's single-device baseline; efficiency: speedup over devices, of "
    "which "
    "each rank drives one unless `devices` says more. A baseline is a run on one rank and one device with the same "
    "model, "
    "data, precision and device, and, where both logs hold their configuration, the same keys that set the cost of a "
    "sample (image-size, max-length, augment, workers, memory-format, samples, activation-checkpointing). Weak "
    "scaling: "
    "the same batch per device; strong scaling: the same global batch. Where several runs match, the fastest, which "
    "claims least, is taken. Runs with missing ranks take no part.";

/// Every pair of a run on several devices and its baseline, weak before strong, in the order of the runs.
std::vector<Scaling> find_scaling(const std::vector<RunSummary>& runs);

/// The scaling of run `run`, weak before strong; nullptr where it has none.
const Scaling* scaling_of(const std::vector<Scaling>& all, std::size_t run);

const char* name_of(ScalingKind kind);

}  // namespace trainyard::report
