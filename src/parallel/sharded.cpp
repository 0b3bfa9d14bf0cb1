#include "parallel/sharded.h"

#include "parallel/replication.h"

namespace trainyard::parallel {
namespace {

Sharding sharding_of(config::StrategyKind strategy, const comm::Communicator& communicator) {
  const bool several = communicator.size() > 1;
  return {.rank = communicator.rank(),
          .ranks = communicator.size(),
          .gradients = several && strategy != config::StrategyKind::kZero1,
          .parameters = several && strategy == config::StrategyKind::kZero3};
}

}  // namespace

Sharded::Sharded(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
                 comm::Communicator& communicator)
    : communicator_(communicator),
      replica_(config, std::move(model), device, sharding_of(config.strategy, communicator),
               [this](std::size_t parameter) { reducer_.mark_ready(parameter); }),
      reducer_(replica_.parameters(), communicator, config.compress) {
  if (config.sync_batchnorm) statistics_.synchronise(replica_.model(), communicator);
  if (!replica_.parameters().sharding().parameters) return;
  gatherer_ = std::make_unique<ParameterGatherer>(replica_.model(), replica_.parameters(), communicator);
  replica_.run_forward_by(
      [this](const at::Tensor& input, models::Pass pass) { return gatherer_->forward(input, pass); });
}

void Sharded::synchronise() {
  make_replicas_alike(replica_.model(), replica_.parameters(), communicator_);
  for (std::size_t bucket = 0; bucket < replica_.parameters().buckets().size(); ++bucket)
    replica_.parameters().drop_parameters(bucket);
}

StepResult Sharded::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  using Region = timing::StepTimer::Region;
  parameter_gathers_.clear();
  reducer_.begin_step(timer);
  statistics_.begin_step(timer);
  if (gatherer_) gatherer_->begin_step(&timer);
  StepResult result = replica_.forward_backward(batches, timer);
  if (gatherer_) gatherer_->finish_step();
  Replica::Steps steps;
  steps.await = [this](std::size_t bucket) { reducer_.wait(bucket); };
  steps.agree = [this, &timer](at::Tensor& found_inf) {
    const Region region(timer, timing::Phase::kExposedComm);
    communicator_.all_reduce(found_inf, comm::ReduceOp::kMax)->wait();
  };
  if (!gatherer_) {
    steps.stepped = [this](std::size_t index) {
      const FlatBucket& bucket = replica_.parameters().buckets()[index];
      parameter_gathers_.push_back(communicator_.all_gather(bucket.parameters, bucket.parameter_shard));
    };
  }
  replica_.apply(lr, timer, steps);
  {
    const Region region(timer, timing::Phase::kExposedComm);
    for (const auto& work : parameter_gathers_)
      work->wait();
  }
  result.collectives = reducer_.works();
  result.collectives.insert(result.collectives.end(), statistics_.works().begin(), statistics_.works().end());
  const auto& gathers = gatherer_ ? gatherer_->works() : parameter_gathers_;
  result.collectives.insert(result.collectives.end(), gathers.begin(), gathers.end());
  return result;
}

void Sharded::begin_evaluation() {
  if (gatherer_) gatherer_->begin_step(nullptr);
  broadcast_buffers(replica_.model(), communicator_);
}

models::TensorMap Sharded::gather_state() {
  if (!gatherer_) return models::tensors_of(replica_.model());
  gatherer_->begin_step(nullptr);
  models::TensorMap whole;
  for (std::size_t stage = 0; stage < replica_.model().stages().size(); ++stage) {
    gatherer_->gather(stage);
    const models::Range own = replica_.model().stages()[stage].parameters;
    for (std::size_t index = own.begin; communicator_.rank() == 0 && index < own.end; ++index) {
      const models::Parameter& parameter = replica_.model().parameters()[index];
      whole.emplace(parameter.name, parameter.tensor.detach().to(at::kCPU, /*non_blocking=*/false, /*copy=*/true));
    }
    gatherer_->drop(stage);
  }
  for (const models::NamedTensor& buffer : replica_.model().buffers())
    whole.emplace(buffer.name, buffer.tensor);
  return whole;
}

}  // namespace trainyard::parallel
