#pragma once

#include <torch/csrc/jit/api/module.h>

#include "inference/calibration.h"

namespace trainyard::inference {

/// Post-training quantization of a frozen float module (trace.h). Convolutions compute in 8-bit integers, with the ReLU
/// and the residual that follow them, activations in the ranges that the batches show and weights with a scale a
/// channel; the input is rounded once and integers go from one to the next. What has no form in integers stays float,
/// its inputs converted back; linear layers there have 8-bit weights and round each batch of inputs by itself
/// ("dynamic"). The result is a module of its own, packed for this processor.
/// @throws core::Error where the batches do not suffice.
torch::jit::Module quantised(const torch::jit::Module& frozen, const CalibrationBatches& batches);

}  // namespace trainyard::inference
