#include "parallel/replica.h"

#include <ATen/ops/cross_entropy_loss.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

at::Tensor loss_sum(const at::Tensor& logits, const at::Tensor& labels) {
  return at::cross_entropy_loss(logits.to(at::kFloat), labels, {}, at::Reduction::Sum);
}

at::Tensor count_correct(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.detach().argmax(1).eq(labels).sum();
}

std::unique_ptr<models::Model> prepared(std::unique_ptr<models::Model> model, at::Device device,
                                        const precision::Policy& policy) {
  model->to(device);
  policy.prepare(*model);
  return model;
}

}  // namespace

Replica::Replica(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
                 GradientHooks::Ready on_ready)
    : device_(device),
      policy_(precision::Policy::make(config.precision, device)),
      model_(prepared(std::move(model), device, policy_)),
      parameters_(*model_, config.bucket_mb, config.memory_format),
      hooks_(*model_, parameters_, std::move(on_ready)),
      optimizer_(optim::make_optimizer(config)) {
  for (const FlatBucket& bucket : parameters_.buckets())
    optimizer_->add(bucket.master);
  if (policy_.scales_loss()) scaler_.emplace(device);
}

at::Tensor Replica::to_device(const at::Tensor& images) const {
  // In two steps: one call that changes device, type and strides would copy through pageable memory, and wait for it.
  return images.to(device_, /*non_blocking=*/true).to(policy_.activation_dtype());
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
  at::Tensor images;
  at::Tensor labels;
  {
    const Region region(timer, Phase::kTransfer);
    images = to_device(batch.images);
    labels = batch.labels.to(device_, /*non_blocking=*/true);
  }
  at::Tensor loss;
  {
    const Region region(timer, Phase::kForward);
    const at::Tensor logits = model_->forward(images, models::Pass::kTrain);
    loss = loss_sum(logits, labels);
    result.add({loss.detach(), count_correct(logits, labels), batch.labels.size(0), {}});
    images.reset();
  }
  const Region region(timer, Phase::kBackward);
  at::Tensor share = loss.div(static_cast<double>(global_samples));
  if (scaler_) share = scaler_->scale(share);
  loss.reset();
  torch::autograd::backward({share}, {});
}

void Replica::apply(double lr, timing::StepTimer& timer, const std::function<void(std::size_t)>& await) {
  const c10::NoGradGuard no_grad;
  std::vector<FlatBucket>& buckets = parameters_.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    {
      const Region region(timer, Phase::kExposedComm);
      await(i);
    }
    // Stepping a bucket while the next one is still on its way hides the optimizer. Not where one bucket's overflow
    // must stop all.
    if (scaler_) continue;
    const Region region(timer, Phase::kOptimizer);
    optimizer_->step(i, buckets[i].gradients, lr);
  }
  if (scaler_) {
    const Region region(timer, Phase::kOptimizer);
    apply_scaled(lr);
  }
}

void Replica::apply_scaled(double lr) {
  std::vector<FlatBucket>& buckets = parameters_.buckets();
  std::vector<at::Tensor> gradients;
  for (const FlatBucket& bucket : buckets)
    gradients.push_back(bucket.gradients.to(at::kFloat));
  scaler_->unscale(gradients);
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    optimizer_->step(i, gradients[i], lr, scaler_->found_inf());
    parameters_.publish(buckets[i]);
  }
  scaler_->update();
}

Evaluation Replica::evaluate(const data::Batch& batch) {
  Evaluation result;
  result.samples = batch.labels.size(0);
  if (result.samples == 0) return result;
  const c10::NoGradGuard no_grad;
  const at::Tensor labels = batch.labels.to(device_, /*non_blocking=*/true);
  const at::Tensor logits = model_->forward(to_device(batch.images), models::Pass::kEvaluate);
  result.loss_sum = loss_sum(logits, labels).item<double>();
  result.correct = count_correct(logits, labels).item<std::int64_t>();
  return result;
}

timing::MemoryShares Replica::memory() const {
  const auto bytes = [](const at::Tensor& tensor) { return static_cast<std::int64_t>(tensor.nbytes()); };
  timing::MemoryShares shares;
  for (const FlatBucket& bucket : parameters_.buckets()) {
    shares.parameters += bytes(bucket.parameters);
    shares.gradients += bytes(bucket.gradients);
    if (!bucket.master.is_same(bucket.parameters)) shares.optimizer += bytes(bucket.master);
  }
  for (const at::Tensor& tensor : optimizer_->state())
    shares.optimizer += bytes(tensor);
  return shares;
}

void Replica::adopt_parameters() {
  const c10::NoGradGuard no_grad;
  for (FlatBucket& bucket : parameters_.buckets()) {
    if (!bucket.master.is_same(bucket.parameters)) bucket.master.copy_(bucket.parameters);
  }
}

}  // namespace trainyard::parallel
