#include "parallel/parameter_gatherer.h"

#include <optional>

#include "parallel/transient_storage.h"

namespace trainyard::parallel {

ParameterGatherer::ParameterGatherer(const models::Model& model, FlatParameters& parameters,
                                     comm::Communicator& communicator)
    : model_(model),
      parameters_(parameters),
      communicator_(communicator),
      buckets_(model.stages().size()),
      under_way_(model.stages().size()) {
  std::vector<std::size_t> stage_of(model.parameters().size());
  for (std::size_t stage = 0; stage < model.stages().size(); ++stage) {
    const models::Range own = model.stages()[stage].parameters;
    for (std::size_t parameter = own.begin; parameter < own.end; ++parameter)
      stage_of[parameter] = stage;
  }
  for (std::size_t bucket = 0; bucket < parameters.buckets().size(); ++bucket)
    buckets_[stage_of[parameters.buckets()[bucket].layout.slots.front().parameter]].push_back(bucket);
}

void ParameterGatherer::begin_step(timing::StepTimer* timer) {
  timer_ = timer;
  works_.clear();
}

void ParameterGatherer::prefetch(std::size_t stage) {
  for (const std::size_t index : buckets_[stage]) {
    const FlatBucket& bucket = parameters_.buckets()[index];
    if (has_memory(bucket.parameters)) continue;
    give_memory(bucket.parameters);
    under_way_[stage].push_back(communicator_.all_gather(bucket.parameters, bucket.parameter_shard));
    works_.push_back(under_way_[stage].back());
  }
}

void ParameterGatherer::gather(std::size_t stage) {
  std::optional<timing::StepTimer::Region> region;
  if (timer_ != nullptr) region.emplace(*timer_, timing::Phase::kExposedComm);
  prefetch(stage);
  for (const auto& work : under_way_[stage])
    work->wait();
  under_way_[stage].clear();
}

void ParameterGatherer::drop(std::size_t stage) {
  for (const std::size_t bucket : buckets_[stage])
    parameters_.drop_parameters(bucket);
}

at::Tensor ParameterGatherer::forward(const at::Tensor& input, models::Pass pass) {
  const std::size_t last = buckets_.size() - 1;
  const models::Pass own_pass = pass.over(input);
  at::Tensor activation = input;
  for (std::size_t stage = 0; stage <= last; ++stage) {
    gather(stage);
    if (stage < last) prefetch(stage + 1);
    activation = model_.forward(activation, own_pass, {stage, stage + 1});
    if (pass == models::Pass::kEvaluate || stage < last) drop(stage);
    if (activation.requires_grad()) {
      // Runs in backward when the gradient of this stage's output is whole, before the stage itself.
      activation.register_hook([this, stage](const at::Tensor&) { enter_backward(stage); });
    }
  }
  return activation;
}

// By now every node of the later stage has run: autograd takes what forward made last first.
void ParameterGatherer::enter_backward(std::size_t stage) {
  if (stage + 1 < buckets_.size()) drop(stage + 1);
  gather(stage);
  if (stage > 0) prefetch(stage - 1);
}

void ParameterGatherer::finish_step() {
  drop(0);
}

}  // namespace trainyard::parallel
