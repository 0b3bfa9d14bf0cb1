#pragma once

#include <ATen/core/Tensor.h>
#include <torch/csrc/jit/api/module.h>

#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "inference/value_histogram.h"

namespace trainyard::inference {

/// The next batch of real inputs, as the model takes them, until there is none.
using CalibrationBatches = std::function<std::optional<at::Tensor>()>;

using ValueRanges = std::unordered_map<const torch::jit::Value*, ValueRange>;

/// Runs a frozen float module over the batches and finds for each of the values the range that `levels` steps stand for
/// best. @throws core::Error where there is no batch.
ValueRanges calibrate(const torch::jit::Module& frozen, const std::unordered_set<const torch::jit::Value*>& values,
                      const CalibrationBatches& batches, int levels);

}  // namespace trainyard::inference
