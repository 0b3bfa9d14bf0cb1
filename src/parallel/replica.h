#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "optim/optimizer.h"
#include "parallel/flat_parameters.h"
#include "parallel/gradient_hooks.h"
#include "parallel/replica_state.h"
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
          const Sharding& sharding, GradientHooks::Ready on_ready);

  /// How the model runs where not simply from its first stage to its last.
  using Forward = std::function<at::Tensor(const at::Tensor& input, models::Pass pass)>;
  void run_forward_by(Forward forward) { forward_ = std::move(forward); }

  /// Gradients of (sum of the batches' losses / sum of their global samples), times the loss scale, in the flat views.
  StepResult forward_backward(std::span<const data::Batch> batches, timing::StepTimer& timer);

  /// What a strategy does around the optimizer.
  struct Steps {
    /// Returns once the bucket's gradient shard is the global one.
    std::function<void(std::size_t bucket)> await = [](std::size_t) {};
    /// Makes the maximum over ranks of a float32 scalar, where ranks see different shards of the gradients.
    std::function<void(at::Tensor& found_inf)> agree = [](at::Tensor&) {};
    /// The bucket's parameter shard has its new values.
    std::function<void(std::size_t bucket)> stepped = [](std::size_t) {};
  };
  /// Steps this rank's shard of every bucket, in order.
  void apply(double lr, timing::StepTimer& timer, const Steps& steps);

  /// For strategies that run forward and backward by themselves: a loss times the loss scale.
  at::Tensor scaled(const at::Tensor& loss) const { return scaler_ ? scaler_->scale(loss) : loss; }
  /// A model's input on the device: images in the precision's type, token ids as they are.
  at::Tensor to_device(const at::Tensor& input) const;
  at::Device device() const { return device_; }
  GradientHooks& hooks() { return hooks_; }

  Evaluation evaluate(const data::Batch& batch);

  models::Model& model() { return *model_; }
  const models::Model& model() const { return *model_; }
  FlatParameters& parameters() { return parameters_; }
  const precision::Policy& policy() const { return policy_; }
  std::int64_t skipped_steps() const { return scaler_ ? scaler_->skipped() : 0; }
  /// What this rank holds between steps.
  timing::MemoryShares memory() const;
  /// See Strategy.
  std::vector<StatePiece> state(Spokesman spokesman) { return state_of(parts(), spokesman); }
  void restore(const StateReader& state) { parallel::restore(parts(), state); }

 private:
  /// Adds one batch to the gradients and to the result.
  void accumulate(const data::Batch& batch, std::int64_t global_samples, timing::StepTimer& timer, StepResult& result);
  void apply_scaled(double lr, const Steps& steps);
  ReplicaParts parts() { return {*model_, parameters_, *optimizer_, scaler_ ? &*scaler_ : nullptr}; }

  at::Device device_;
  precision::Policy policy_;
  std::unique_ptr<models::Model> model_;
  Forward forward_;
  FlatParameters parameters_;
  GradientHooks hooks_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  std::optional<precision::GradScaler> scaler_;
};

}  // namespace trainyard::parallel
