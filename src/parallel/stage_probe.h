#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "config/run_config.h"
#include "models/model.h"

namespace trainyard::parallel {

/// What one stage of a model is seen to do with one micro-batch.
struct StageProbe {
  double forward_ns = 0.0;
  double backward_ns = 0.0;
  at::Tensor output;  ///< its shape, type and strides count, not its values; on the meta device
};

/// Runs each stage of a model forward and backward, by itself, on random input: how long it takes (the quickest of two
/// runs, after one that is not counted) and what it gives. The model goes to the device and takes the precision of the
/// configuration; its values are what they were afterwards.
/// samples: of a micro-batch.
std::vector<StageProbe> probe_stages(models::Model& model, const config::RunConfig& config, std::int64_t samples,
                                     at::Device device);

}  // namespace trainyard::parallel
