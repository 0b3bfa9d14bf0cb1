#include "parallel/model_parallel.h"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "parallel/devices.h"
#include "parallel/loss.h"

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

/// A float32 scalar on the first part's device: 1 where any gradient of any part is not finite.
at::Tensor overflow(const std::vector<std::unique_ptr<Replica>>& parts) {
  const at::Device device = parts.front()->device();
  at::Tensor found = at::zeros({}, at::TensorOptions(at::kBool).device(device));
  for (const auto& part : parts) {
    for (const FlatBucket& bucket : part->parameters().buckets())
      found = found.logical_or(at::isfinite(bucket.gradients).all().logical_not().to(device));
  }
  return found.to(at::kFloat);
}

/// The pass with its tokens, where it has some, on a part's device.
models::Pass pass_on(const Replica& part, models::Pass pass) {
  if (pass.tokens.defined()) pass.tokens = pass.tokens.to(part.device());
  return pass;
}

}  // namespace

ModelParallel::ModelParallel(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device) {
  const std::vector<at::Device> devices = devices_from(device, config.devices);
  const std::vector<PipelinePart> cut =
      cut_model(*model, probe_stages(*model, config, config.batch_size, device), config.cut, devices.size());
  double whole = 0.0;
  double elsewhere = 0.0;
  for (std::size_t i = 0; i < cut.size(); ++i) {
    const double cost = cut[i].cost.forward + cut[i].cost.backward;
    whole += cost;
    if (devices[i] != devices.front()) elsewhere += cost;
    parts_.push_back(std::make_unique<Replica>(config,
                                               std::make_unique<models::Model>(model->take({&cut[i].stages, 1})),
                                               devices[i], Sharding{}, [](std::size_t) {}));
  }
  predicted_bubble_ = elsewhere / whole;
}

StepResult ModelParallel::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  std::int64_t samples = 0;
  for (const data::Batch& batch : batches)
    samples += batch.global_samples;
  for (const auto& part : parts_)
    part->hooks().begin_step();
  StepResult result;
  for (const data::Batch& batch : batches)
    result.add(train(batch, samples, timer));
  for (const auto& part : parts_)
    part->hooks().finish_step();
  at::Tensor found;
  if (last().policy().scales_loss()) {
    const Region region(timer, Phase::kOptimizer);
    found = overflow(parts_);
  }
  for (const auto& part : parts_)
    part->apply(lr, timer, {.agree = [&](at::Tensor& found_inf) { found_inf.copy_(found); }});
  return result;
}

timing::MemoryShares ModelParallel::memory() const {
  timing::MemoryShares sum;
  for (const auto& part : parts_)
    sum += part->memory();
  return sum;
}

StepResult ModelParallel::train(const data::Batch& batch, std::int64_t samples, timing::StepTimer& timer) {
  std::vector<at::Tensor> inputs;
  std::vector<at::Tensor> outputs;
  models::Pass pass(models::Pass::kTrain, batch.random_key);
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    Replica& part = *parts_[i];
    {
      const Region region(timer, Phase::kTransfer);
      inputs.push_back(i == 0 ? part.to_device(batch.inputs) : outputs.back().detach().to(part.device()));
      if (i > 0) inputs.back().set_requires_grad(true);
      pass = pass_on(part, i == 0 ? pass.over(inputs.back()) : pass);
    }
    const Region region(timer, phase(i, Phase::kForward));
    outputs.push_back(part.model().forward(inputs.back(), pass));
  }
  StepResult result;
  at::Tensor gradient;
  {
    const Region region(timer, phase(parts_.size() - 1, Phase::kForward));
    const at::Tensor labels = batch.labels.to(last().device(), /*non_blocking=*/true);
    const at::Tensor loss = loss_sum(outputs.back(), labels);
    const at::Device first = parts_.front()->device();
    result = {loss.detach().to(first), count_correct(outputs.back(), labels).to(first), labels.size(0), {}};
    outputs.back() = last().scaled(loss.div(static_cast<double>(samples)));
  }
  for (std::size_t i = parts_.size(); i-- > 0;) {
    {
      const Region region(timer, phase(i, Phase::kBackward));
      const auto with = gradient.defined() ? std::vector{gradient} : std::vector<at::Tensor>();
      torch::autograd::backward({std::move(outputs[i])}, with);
    }
    if (i == 0) break;
    const Region region(timer, i == 1 ? phase(i, Phase::kTransfer) : Phase::kTransfer);
    gradient = inputs[i].grad().to(parts_[i - 1]->device());
    inputs[i].reset();
  }
  return result;
}

Evaluation ModelParallel::evaluate(const data::Batch& batch) {
  Evaluation result;
  result.samples = batch.labels.size(0);
  if (result.samples == 0) return result;
  const c10::NoGradGuard no_grad;
  at::Tensor activation = parts_.front()->to_device(batch.inputs);
  models::Pass pass = models::Pass(models::Pass::kEvaluate).over(activation);
  for (const auto& part : parts_) {
    pass = pass_on(*part, pass);
    activation = part->model().forward(activation.to(part->device()), pass);
  }
  const at::Tensor labels = batch.labels.to(last().device());
  result.loss_sum = loss_sum(activation, labels).item<double>();
  result.correct = count_correct(activation, labels).item<std::int64_t>();
  return result;
}

models::TensorMap ModelParallel::gather_state() {
  models::TensorMap tensors;
  for (const auto& part : parts_)
    tensors.merge(models::tensors_of(part->model()));
  return tensors;
}

std::vector<StatePiece> ModelParallel::state() {
  std::vector<StatePiece> pieces;
  for (const auto& part : parts_) {
    const std::vector<StatePiece> own = part->state({.tensors = true, .scalars = part == parts_.front()});
    pieces.insert(pieces.end(), own.begin(), own.end());
  }
  return pieces;
}

void ModelParallel::restore(const StateReader& state) {
  for (const auto& part : parts_)
    part->restore(state);
}

timing::Phase ModelParallel::phase(std::size_t part, Phase own) const {
  return parts_[part]->device() == parts_.front()->device() ? own : Phase::kIdle;
}

}  // namespace trainyard::parallel
