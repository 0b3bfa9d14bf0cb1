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

  /// Memory for the output of a micro-batch, and for its gradient. input: what the whole model gets of it; where that
  /// is token ids [N, L], the output is [N, L, ...] too, and L need not be the probe's.
  at::Tensor make_output(const at::Tensor& input, at::Device device) const;
};

/// Cuts a probed model into parts: by hand where `cut` is not empty, else so that the dearest part costs least.
/// @throws core::UsageError as balanced_cut() and named_cut() do.
std::vector<PipelinePart> cut_model(const models::Model& model, std::span<const StageProbe> probes,
                                    const std::string& cut, std::size_t parts);

}  // namespace trainyard::parallel
