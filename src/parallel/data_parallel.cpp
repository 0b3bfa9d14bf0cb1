#include "parallel/data_parallel.h"

#include <ATen/Parallel.h>
#include <ATen/ops/ones.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "parallel/devices.h"
#include "parallel/loss.h"
#include "parallel/micro_batches.h"

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

/// By device: its share of each batch. A batch of too few samples leaves the last devices none.
std::vector<std::vector<data::Batch>> scatter(std::span<const data::Batch> batches, std::size_t devices) {
  std::vector<std::vector<data::Batch>> shares(devices);
  for (const data::Batch& batch : batches) {
    const std::int64_t samples = batch.labels.size(0);
    const auto parts = std::clamp<std::int64_t>(samples / 2, 1, static_cast<std::int64_t>(devices));
    std::int64_t first = 0;
    std::size_t device = 0;
    for (const std::int64_t count : even_parts(samples, parts)) {
      shares[device++].push_back(batch.part(first, count));
      first += count;
    }
  }
  return shares;
}

}  // namespace

DeviceCopy::DeviceCopy(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
                       int threads)
    : device_(device),
      threads_(threads),
      policy_(precision::Policy::make(config.precision, device)),
      model_(policy_.prepared(std::move(model))),
      parameters_(*model_, {config.bucket_mb, config.memory_format}),
      hooks_(*model_, parameters_, [](std::size_t) {}) {
  model_->recompute(config.activation_checkpointing);
}

void DeviceCopy::take_state(Replica& from) {
  const c10::NoGradGuard no_grad;
  std::vector<FlatBucket>& buckets = from.parameters().buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i)
    parameters_.buckets()[i].parameters.copy_(buckets[i].parameters, /*non_blocking=*/true);
  for (std::size_t i = 0; i < model_->buffers().size(); ++i)
    model_->buffers()[i].tensor.copy_(from.model().buffers()[i].tensor, /*non_blocking=*/true);
}

void DeviceCopy::start(std::vector<data::Batch> batches, at::Tensor factor) {
  result_ = {};
  worker_.start([this, batches = std::move(batches), factor = std::move(factor)] {
    const c10::DeviceGuard guard(device_);
    if (device_.is_cpu()) at::set_num_threads(threads_);
    hooks_.begin_step();
    for (const data::Batch& batch : batches)
      run(batch, factor.to(device_));
    hooks_.finish_step();
  });
}

void DeviceCopy::run(const data::Batch& batch, const at::Tensor& factor) {
  const at::Tensor input = policy_.as_input(batch.inputs.to(device_, /*non_blocking=*/true));
  const at::Tensor labels = batch.labels.to(device_, /*non_blocking=*/true);
  const at::Tensor logits = model_->forward(input, {models::Pass::kTrain, batch.random_key});
  const at::Tensor loss = loss_sum(logits, labels);
  result_.add({loss.detach(), count_correct(logits, labels), labels.size(0), {}});
  torch::autograd::backward({loss.mul(factor)}, {});
}

StepResult DeviceCopy::wait() {
  worker_.wait();
  return std::move(result_);
}

DataParallel::DataParallel(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device)
    : replica_(config, std::move(model), device, Sharding{}, [](std::size_t) {}),
      clock_(timing::make_stream_clock(device)),
      all_threads_(at::get_num_threads()),
      own_threads_(std::max(1, all_threads_ / config.devices)) {
  const std::vector<at::Device> devices = devices_from(device, config.devices);
  for (std::size_t i = 1; i < devices.size(); ++i)
    copies_.push_back(std::make_unique<DeviceCopy>(config, replica_.model().fresh_copy(), devices[i], own_threads_));
}

StepResult DataParallel::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  std::vector<std::vector<data::Batch>> shares = scatter(batches, copies_.size() + 1);
  std::int64_t samples = 0;
  for (const data::Batch& batch : batches)
    samples += batch.global_samples;
  std::vector<std::shared_ptr<comm::Work>> transfers;
  std::int64_t start_ns = core::steady_ns();
  {
    const Region region(timer, Phase::kExposedComm);
    for (const auto& copy : copies_)
      copy->take_state(replica_);
    finish_device_work();
  }
  transfers.push_back(ended_transfer(start_ns, core::steady_ns()));
  const at::Tensor one = at::ones({}, at::TensorOptions(at::kFloat).device(replica_.device()));
  const at::Tensor factor = replica_.scaled(one).div(static_cast<double>(samples));
  for (std::size_t i = 0; i < copies_.size(); ++i)
    copies_[i]->start(std::move(shares[i + 1]), factor);
  if (replica_.device().is_cpu()) at::set_num_threads(own_threads_);
  StepResult result = replica_.forward_backward(shares.front(), timer);
  if (replica_.device().is_cpu()) at::set_num_threads(all_threads_);
  start_ns = core::steady_ns();
  {
    const Region region(timer, Phase::kExposedComm);
    const c10::NoGradGuard no_grad;
    for (const auto& copy : copies_) {
      StepResult part = copy->wait();
      if (part.samples > 0) {
        part.loss_sum = part.loss_sum.to(replica_.device());
        part.correct = part.correct.to(replica_.device());
        result.add(part);
      }
      std::vector<FlatBucket>& buckets = replica_.parameters().buckets();
      for (std::size_t i = 0; i < buckets.size(); ++i)
        buckets[i].gradients.add_(copy->parameters().buckets()[i].gradients.to(replica_.device()));
    }
    finish_device_work();
  }
  transfers.push_back(ended_transfer(start_ns, core::steady_ns()));
  replica_.apply(lr, timer, {});
  result.collectives = std::move(transfers);
  return result;
}

timing::MemoryShares DataParallel::memory() const {
  const timing::MemoryShares first = replica_.memory();
  timing::MemoryShares sum = first;
  for (std::size_t i = 0; i < copies_.size(); ++i)
    sum += {first.parameters, first.gradients, 0};  // the first alone steps
  return sum;
}

void DataParallel::finish_device_work() {
  clock_->wait(clock_->mark());
}

}  // namespace trainyard::parallel
