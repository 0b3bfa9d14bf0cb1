#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace trainyard::models {

/// What a forward pass is for, and what every stage may need besides its own input.
struct Pass {
  enum Mode {
    kEvaluate,   ///< running statistics are used, nothing is dropped
    kTrain,      ///< the batch's own statistics are used, and the running ones updated; dropout
    kRecompute,  ///< kTrain's values once more, in backward: the batch's own statistics, nothing updated
  };

  /// Implicit: most callers have nothing but the mode. key: of what this pass draws at random, so that the same batch
  /// of the same step has the same dropout wherever its stages run, and when they run again.
  Pass(Mode its_mode, std::uint64_t its_key = 0) : mode(its_mode), key(its_key) {}

  /// This pass over the model's input `input`: token ids reach every stage, images the first one alone.
  Pass over(const at::Tensor& input) const {
    Pass pass = *this;
    if (at::isIntegralType(input.scalar_type(), /*includeBool=*/false)) pass.tokens = input;
    return pass;
  }
  /// This pass in another mode.
  Pass in(Mode other) const {
    Pass pass = *this;
    pass.mode = other;
    return pass;
  }

  bool operator==(Mode other) const { return mode == other; }

  Mode mode;
  std::uint64_t key;
  at::Tensor tokens;  ///< int64 [N, L], on the device of the stages that run; undefined for images
};

}  // namespace trainyard::models
