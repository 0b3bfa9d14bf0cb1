#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "optim/optimizer.h"
#include "parallel/flat_parameters.h"
#include "parallel/gradient_hooks.h"
#include "parallel/strategy.h"
#include "precision/grad_scaler.h"
#include "precision/policy.h"

namespace trainyard::parallel {

/// A whole model on one device with its flat parameters, precision and optimizer: what the replicating strategies
/// share.
class Replica {
 public:
  /// on_ready: see GradientHooks.
  Replica(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
          GradientHooks::Ready on_ready);

  /// Gradients of (sum of the batches' losses / sum of their global samples), times the loss scale, in the flat views.
  StepResult forward_backward(std::span<const data::Batch> batches, timing::StepTimer& timer);

  /// Steps every bucket, in order. await(bucket) returns once that bucket's gradients are the global ones.
  void apply(double lr, timing::StepTimer& timer, const std::function<void(std::size_t bucket)>& await);

  Evaluation evaluate(const data::Batch& batch);

  models::Model& model() { return *model_; }
  const models::Model& model() const { return *model_; }
  FlatParameters& parameters() { return parameters_; }
  const precision::Policy& policy() const { return policy_; }
  std::int64_t skipped_steps() const { return scaler_ ? scaler_->skipped() : 0; }
  timing::MemoryShares memory() const;
  /// After the model's parameters were written from outside (a broadcast): the masters follow.
  void adopt_parameters();

 private:
  /// Adds one batch to the gradients and to the result.
  void accumulate(const data::Batch& batch, std::int64_t global_samples, timing::StepTimer& timer, StepResult& result);
  at::Tensor to_device(const at::Tensor& images) const;
  void apply_scaled(double lr);

  at::Device device_;
  precision::Policy policy_;
  std::unique_ptr<models::Model> model_;
  FlatParameters parameters_;
  GradientHooks hooks_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::optional<precision::GradScaler> scaler_;
};

}  // namespace trainyard::parallel
