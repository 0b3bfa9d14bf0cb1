#pragma once

#include <ATen/core/Tensor.h>

#include "models/batch_norm_relu.h"
#include "models/registry.h"

namespace trainyard::models {

/// Batch norm in training whose statistics are those of all ranks' samples together, as torch.nn.SyncBatchNorm's:
/// output and input's gradient are what one rank with the whole batch computes; the gradients of weight and bias are
/// this rank's part of their sum. Updates the running statistics where they are defined. input: [N, C, H, W], N may
/// differ between ranks and be 0. Collective, in forward and again in backward; statistics are float32.
/// ranks: with a communicator; must outlive backward.
at::Tensor sync_batch_norm(const at::Tensor& input, const BatchNormState& state, const BatchStatistics& ranks);

}  // namespace trainyard::models
