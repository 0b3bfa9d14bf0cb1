#pragma once

namespace trainyard::models {

/// What a forward pass is for.
enum class Pass {
  kEvaluate,  ///< running statistics are used
  kTrain,     ///< the batch's own statistics are used, and the running ones updated
};

}  // namespace trainyard::models
