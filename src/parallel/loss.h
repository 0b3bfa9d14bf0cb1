#pragma once

#include <ATen/core/Tensor.h>

namespace trainyard::parallel {

/// Cross-entropy summed over the samples, in float32. logits [N, classes], labels int64 [N]; a scalar.
at::Tensor loss_sum(const at::Tensor& logits, const at::Tensor& labels);

/// How many samples have their highest logit at their label; an int64 scalar.
at::Tensor count_correct(const at::Tensor& logits, const at::Tensor& labels);

}  // namespace trainyard::parallel
