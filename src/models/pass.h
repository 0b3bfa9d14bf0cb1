#pragma once

namespace trainyard::models {

/// What a forward pass is for.
enum class Pass {
  kEvaluate,   ///< running statistics are used
  kTrain,      ///< the batch's own statistics are used, and the running ones updated
  kRecompute,  ///< kTrain's values once more, in backward: the batch's own statistics, nothing updated
};

}  // namespace trainyard::models
