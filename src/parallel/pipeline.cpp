#include "parallel/pipeline.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <utility>

#include "parallel/micro_batches.h"
#include "parallel/replication.h"

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

/// Which of the model's stages lie on stage `stage` of the pipeline.
std::vector<models::Range> ranges_of(const std::vector<PipelinePart>& parts, int stage, int stages) {
  std::vector<models::Range> ranges;
  for (std::size_t part = static_cast<std::size_t>(stage); part < parts.size();
       part += static_cast<std::size_t>(stages))
    ranges.push_back(parts[part].stages);
  return ranges;
}

}  // namespace

Pipeline::Pipeline(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
                   comm::Communicator& communicator)
    : config_(config),
      device_(device),
      communicator_(communicator),
      stages_(config.stages > 0 ? config.stages : communicator.size()),
      one_at_a_time_(config.strategy == config::StrategyKind::kModelParallel),
      policy_(precision::Policy::make(config.precision, device)),
      model_(std::move(model)) {
  const std::int64_t samples = micro_batch_sizes(config.batch_size, config, stages_).front();
  probes_ = probe_stages(*model_, config, samples, device);
}

void Pipeline::synchronise() {
  require_same_model(*model_, communicator_);
  agree_on_times();
  broadcast_model();
  std::vector<PipelinePart> parts =
      cut_model(*model_, probes_, config_.cut, static_cast<std::size_t>(stages_ * config_.virtual_stages));
  note_shapes(parts);
  model_ = std::make_unique<models::Model>(model_->take(ranges_of(parts, stage(), stages_)));

  std::vector<PartCost> costs;
  for (const PipelinePart& part : parts)
    costs.push_back(part.cost);
  const std::size_t of_batch = micro_batch_sizes(config_.batch_size, config_, stages_).size();
  const std::size_t micro_batches = one_at_a_time_ ? of_batch : of_batch * static_cast<std::size_t>(config_.accumulate);
  predicted_bubble_ = predict_times(schedule(micro_batches), costs).bubble[static_cast<std::size_t>(stage())];

  same_stage_ = communicator_.split(stage(), communicator_.rank());
  replica_ = std::make_unique<Replica>(config_, std::move(model_), device_, Sharding{},
                                       [this](std::size_t parameter) { reducer_->mark_ready(parameter); });
  reducer_ = std::make_unique<GradientReducer>(replica_->parameters(), *same_stage_, config_.compress);
  stage_ = std::make_unique<PipelineStage>(*replica_, std::move(parts),
                                           StagePlace{stage(), stages_, communicator_.rank() - stage()}, communicator_);
}

std::optional<RankGroup> Pipeline::group() const {
  if (same_stage_->size() == 1) return std::nullopt;
  return RankGroup{same_stage_.get(), 1 + stage()};
}

void Pipeline::agree_on_times() {
  std::vector<double> times;
  for (const StageProbe& probe : probes_)
    times.insert(times.end(), {probe.forward_ns, probe.backward_ns});
  at::Tensor sums = at::tensor(times, at::TensorOptions(at::kDouble)).to(device_);
  communicator_.all_reduce(sums, comm::ReduceOp::kSum)->wait();
  const at::Tensor means = sums.div(communicator_.size()).cpu();
  for (std::size_t i = 0; i < probes_.size(); ++i) {
    probes_[i].forward_ns = means[static_cast<std::int64_t>(2 * i)].item<double>();
    probes_[i].backward_ns = means[static_cast<std::int64_t>(2 * i + 1)].item<double>();
  }
}

void Pipeline::broadcast_model() {
  const c10::NoGradGuard no_grad;
  std::vector<std::shared_ptr<comm::Work>> works;
  for (const models::Parameter& parameter : model_->parameters())
    works.push_back(communicator_.broadcast(parameter.tensor.detach(), 0));
  for (const auto& work : works)
    work->wait();
  broadcast_buffers(*model_, communicator_);
}

void Pipeline::note_shapes(const std::vector<PipelinePart>& parts) {
  for (int other = 0; other < stages_; ++other) {
    std::vector<TensorShape>& shapes = shapes_.emplace_back();
    const auto note = [&shapes](const auto& tensors, models::Range own, bool trained) {
      for (std::size_t i = own.begin; i < own.end; ++i)
        shapes.push_back({tensors[i].name, tensors[i].tensor.sizes().vec(), tensors[i].tensor.scalar_type(), trained});
    };
    for (const models::Range& range : ranges_of(parts, other, stages_)) {
      for (const models::StageEntry& entry : model_->stages().subspan(range.begin, range.size())) {
        note(model_->parameters(), entry.parameters, /*trained=*/true);
        note(model_->buffers(), entry.buffers, /*trained=*/false);
      }
    }
  }
}

StepResult Pipeline::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  std::int64_t global_samples = 0;
  for (const data::Batch& batch : batches)
    global_samples += batch.global_samples;
  reducer_->begin_step(timer);
  replica_->hooks().begin_step();
  StepResult result;
  const std::size_t at_once = one_at_a_time_ ? 1 : batches.size();
  for (std::size_t first = 0; first < batches.size(); first += at_once) {
    const std::vector<data::Batch> micro_batches = cut_into_micro_batches(batches.subspan(first, at_once));
    const bool last = first + at_once == batches.size();
    result.add(stage_->train(schedule(micro_batches.size()), micro_batches, global_samples, last, timer));
  }
  {
    const Region region(timer, Phase::kBackward);
    replica_->hooks().finish_step();
  }
  replica_->apply(lr, timer,
                  {.await = [this](std::size_t bucket) { reducer_->wait(bucket); },
                   .agree =
                       [&](at::Tensor& found_inf) {
                         const Region region(timer, Phase::kIdle);  // for the stage that ends last
                         communicator_.all_reduce(found_inf, comm::ReduceOp::kMax)->wait();
                       }});
  result.collectives = reducer_->works();
  return result;
}

std::vector<data::Batch> Pipeline::cut_into_micro_batches(std::span<const data::Batch> batches) const {
  std::vector<data::Batch> micro_batches;
  for (const data::Batch& batch : batches) {
    std::int64_t first = 0;
    for (const std::int64_t samples : micro_batch_sizes(batch.labels.size(0), config_, stages_)) {
      micro_batches.push_back(batch.part(first, samples));
      first += samples;
    }
  }
  return micro_batches;
}

const PipelineSchedule& Pipeline::schedule(std::size_t micro_batches) {
  const auto [found, is_new] = schedules_.try_emplace(micro_batches);
  if (is_new) {
    found->second =
        make_schedule(config_.pipeline_schedule, {stages_, config_.virtual_stages, static_cast<int>(micro_batches)});
  }
  return found->second;
}

void Pipeline::begin_evaluation() {
  broadcast_buffers(replica_->model(), *same_stage_);
}

models::TensorMap Pipeline::gather_state() {
  const c10::NoGradGuard no_grad;
  models::TensorMap tensors = models::tensors_of(replica_->model());
  if (communicator_.rank() >= stages_) return tensors;  // another replica
  std::vector<comm::P2P> messages;
  if (stage() > 0) {
    for (const TensorShape& shape : shapes_[static_cast<std::size_t>(stage())])
      messages.push_back(comm::P2P::send(tensors.at(shape.name).detach().contiguous(), 0));
  } else {
    for (int other = 1; other < stages_; ++other) {
      for (const TensorShape& shape : shapes_[static_cast<std::size_t>(other)]) {
        const at::Tensor tensor = at::empty(shape.sizes, at::TensorOptions(shape.type).device(device_));
        messages.push_back(comm::P2P::receive(tensor, other));
        tensors[shape.name] = tensor.detach().set_requires_grad(shape.trained);
      }
    }
  }
  if (!messages.empty()) communicator_.exchange(std::move(messages))->wait();
  return tensors;
}

}  // namespace trainyard::parallel
