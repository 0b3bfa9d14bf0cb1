#include "inference/calibration.h"

#include <c10/core/InferenceMode.h>

#include "core/error.h"
#include "inference/graph_runner.h"

namespace trainyard::inference {

ValueRanges calibrate(const torch::jit::Module& frozen, const std::unordered_set<const torch::jit::Value*>& values,
                      const CalibrationBatches& batches, int levels) {
  ValueRanges ranges;
  if (values.empty()) return ranges;
  const c10::InferenceMode inference;
  std::unordered_map<const torch::jit::Value*, ValueHistogram> histograms;
  GraphRunner runner(frozen);
  bool any = false;
  while (const std::optional<at::Tensor> batch = batches()) {
    any = true;
    runner.run(*batch, [&](const torch::jit::Value& value, const at::Tensor& tensor) {
      if (values.contains(&value)) histograms[&value].add(tensor);
    });
  }
  if (!any) throw core::Error("calibration: there are no training samples to take ranges from");
  for (const auto& [value, histogram] : histograms)
    ranges.emplace(value, histogram.best_range(levels));
  return ranges;
}

}  // namespace trainyard::inference
