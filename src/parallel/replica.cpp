#include "parallel/replica.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "parallel/loss.h"
#include "parallel/transient_storage.h"

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

}  // namespace

Replica::Replica(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
                 const Sharding& sharding, GradientHooks::Ready on_ready)
    : device_(device),
      policy_(precision::Policy::make(config.precision, device)),
      model_(policy_.prepared(std::move(model))),
      forward_([this](const at::Tensor& input, models::Pass pass) { return model_->forward(input, pass); }),
      parameters_(*model_, {config.bucket_mb, config.memory_format, sharding}),
      hooks_(*model_, parameters_, std::move(on_ready)),
      optimizer_(optim::make_optimizer(config)) {
  for (const FlatBucket& bucket : parameters_.buckets())
    optimizer_->add(bucket.master);
  if (policy_.scales_loss()) scaler_.emplace(device);
}

at::Tensor Replica::to_device(const at::Tensor& input) const {
  // In two steps: one call that changes device, type and strides would copy through pageable memory, and wait for it.
  return policy_.as_input(input.to(device_, /*non_blocking=*/true));
}

StepResult Replica::forward_backward(std::span<const data::Batch> batches, timing::StepTimer& timer) {
  StepResult result;
  std::int64_t global_samples = 0;
  for (const data::Batch& batch : batches)
    global_samples += batch.global_samples;
  hooks_.begin_step();
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (i + 1 == batches.size()) hooks_.expect_last_backward();
    accumulate(batches[i], global_samples, timer, result);
  }
  const Region region(timer, Phase::kBackward);
  hooks_.finish_step();
  return result;
}

void Replica::accumulate(const data::Batch& batch, std::int64_t global_samples, timing::StepTimer& timer,
                         StepResult& result) {
  at::Tensor input;
  at::Tensor labels;
  {
    const Region region(timer, Phase::kTransfer);
    input = to_device(batch.inputs);
    labels = batch.labels.to(device_, /*non_blocking=*/true);
  }
  at::Tensor loss;
  {
    const Region region(timer, Phase::kForward);
    const at::Tensor logits = forward_(input, {models::Pass::kTrain, batch.random_key});
    loss = loss_sum(logits, labels);
    result.add({loss.detach(), count_correct(logits, labels), batch.labels.size(0), {}});
    input.reset();
  }
  const Region region(timer, Phase::kBackward);
  const at::Tensor share = scaled(loss.div(static_cast<double>(global_samples)));
  loss.reset();
  torch::autograd::backward({share}, {});
}

void Replica::apply(double lr, timing::StepTimer& timer, const Steps& steps) {
  const c10::NoGradGuard no_grad;
  std::vector<FlatBucket>& buckets = parameters_.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    {
      const Region region(timer, Phase::kExposedComm);
      steps.await(i);
    }
    // Stepping a bucket while the next one is still on its way hides the optimizer. Not where one bucket's overflow
    // must stop all.
    if (scaler_) continue;
    const Region region(timer, Phase::kOptimizer);
    optimizer_->step(i, buckets[i].gradient_shard.to(at::kFloat), lr);
    parameters_.publish(buckets[i]);
    steps.stepped(i);
  }
  if (scaler_) {
    const Region region(timer, Phase::kOptimizer);
    apply_scaled(lr, steps);
  }
}

void Replica::apply_scaled(double lr, const Steps& steps) {
  std::vector<FlatBucket>& buckets = parameters_.buckets();
  std::vector<at::Tensor> gradients;
  for (const FlatBucket& bucket : buckets)
    gradients.push_back(bucket.gradient_shard.to(at::kFloat));
  scaler_->unscale(gradients);
  steps.agree(scaler_->found_inf());
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    optimizer_->step(i, gradients[i], lr, scaler_->found_inf());
    parameters_.publish(buckets[i]);
    steps.stepped(i);
  }
  scaler_->update();
}

Evaluation Replica::evaluate(const data::Batch& batch) {
  Evaluation result;
  result.samples = batch.labels.size(0);
  if (result.samples == 0) return result;
  const c10::NoGradGuard no_grad;
  const at::Tensor labels = batch.labels.to(device_, /*non_blocking=*/true);
  const at::Tensor logits = forward_(to_device(batch.inputs), models::Pass::kEvaluate);
  result.loss_sum = loss_sum(logits, labels).item<double>();
  result.correct = count_correct(logits, labels).item<std::int64_t>();
  return result;
}

timing::MemoryShares Replica::memory() const {
  const auto bytes = [](const at::Tensor& tensor) {
    return has_memory(tensor) ? static_cast<std::int64_t>(tensor.nbytes()) : 0;
  };
  const Sharding& sharding = parameters_.sharding();
  timing::MemoryShares shares;
  for (std::size_t i = 0; i < parameters_.buckets().size(); ++i) {
    const FlatBucket& bucket = parameters_.buckets()[i];
    shares.parameters += bytes(bucket.parameters) + (sharding.parameters ? bytes(bucket.parameter_shard) : 0);
    shares.gradients += bytes(bucket.gradients) + (sharding.gradients ? bytes(bucket.gradient_shard) : 0);
    if (!bucket.master.is_same(bucket.parameter_shard)) shares.optimizer += bytes(bucket.master);
    for (const optim::OptimizerState& state : optimizer_->state(i))
      shares.optimizer += bytes(state.tensor);
  }
  return shares;
}

}  // namespace trainyard::parallel
