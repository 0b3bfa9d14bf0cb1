#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/model.h"
#include "parallel/schedule_times.h"
#include "parallel/stage_probe.h"

namespace trainyard::parallel {

/// One consecutive part of a cut model.
struct PipelinePart {
  models::Range stages;  ///< of the whole model
  PartCost cost;         ///< nanoseconds for one whole micro-batch
  at::Tensor output;     ///< what a micro-batch becomes: shape, type and strides, on the meta device

  /// Memory for the output of a micro-batch of this many samples, and for its gradient.
  at::Tensor make_output(std::int64_t samples, at::Device device) const;
};

/// Cuts a probed model into parts: by hand where `cut` is not empty, else so that the dearest part costs least.
/// @throws core::UsageError as balanced_cut() and named_cut() do.
std::vector<PipelinePart> cut_model(const models::Model& model, std::span<const StageProbe> probes,
                                    const std::string& cut, std::size_t parts);

}  // namespace trainyard::parallel
