#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/run_config.h"
#include "models/model.h"

namespace trainyard::precision {

/// What a precision means for a run: one value, asked by the strategies; nothing else looks at config::PrecisionKind.
class Policy {
 public:
  static Policy make(config::PrecisionKind kind, at::Device device);

  /// Type of the model's inputs and activations.
  at::ScalarType activation_dtype() const { return activation_dtype_; }
  /// What a model's first stage takes: images in the type of activations; token ids as they are.
  at::Tensor as_input(const at::Tensor& input) const {
    return input.is_floating_point() ? input.to(activation_dtype_) : input;
  }
  /// Small gradients would round to zero in this type: multiply the loss, divide the gradients (Micikevicius et al.
  /// 2018).
  bool scales_loss() const { return scales_loss_; }
  /// One sentence for the log and the report where the arithmetic differs from what the name promises, else empty.
  const std::string& note() const { return note_; }

  /// Moves the model to the policy's device and converts it, in place; with autocast it stays float32 and casts by
  /// itself. Batch-norm tensors stay float32 in every precision: their sums do not fit half.
  void prepare(models::Model& model) const;
  /// Of a model's parameters and buffers once it is prepared.
  std::int64_t bytes_of(const models::Model& model) const;
  std::unique_ptr<models::Model> prepared(std::unique_ptr<models::Model> model) const;

 private:
  explicit Policy(at::Device device) : device_(device) {}

  at::Device device_;
  at::ScalarType activation_dtype_ = at::kFloat;
  std::optional<at::ScalarType> autocast_dtype_;
  bool scales_loss_ = false;
  std::string note_;
};

}  // namespace trainyard::precision
