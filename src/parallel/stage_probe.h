#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/model.h"

namespace trainyard::parallel {

/// What one stage of a model is seen to do with one micro-batch.
struct StageProbe {
  double forward_ns = 0.0;
  double backward_ns = 0.0;
  at::Tensor output;  ///< its shape, type and strides count, not its values; on the meta device
};

/// Runs each stage of a model forward and backward, by itself, on random images: how long it takes (the quickest of two
/// runs, after one that is not counted) and what it gives. The model's tensors are what they were afterwards.
/// images: a micro-batch as the first stage gets it, on the model's device and in its precision.
std::vector<StageProbe> probe_stages(models::Model& model, const at::Tensor& images);

}  // namespace trainyard::parallel
