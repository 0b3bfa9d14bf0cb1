#include "parallel/ddp.h"

#include "parallel/replication.h"

namespace trainyard::parallel {

Ddp::Ddp(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
         comm::Communicator& communicator)
    : communicator_(communicator),
      replica_(config, std::move(model), device, Sharding{},
               [this](std::size_t parameter) { reducer_.mark_ready(parameter); }),
      reducer_(replica_.parameters(), communicator, config.compress) {
  if (config.sync_batchnorm) statistics_.synchronise(replica_.model(), communicator);
}

void Ddp::synchronise() {
  make_replicas_alike(replica_.model(), replica_.parameters(), communicator_);
}

StepResult Ddp::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  reducer_.begin_step(timer);
  statistics_.begin_step(timer);
  StepResult result = replica_.forward_backward(batches, timer);
  replica_.apply(lr, timer, {.await = [this](std::size_t bucket) { reducer_.wait(bucket); }});
  result.collectives = reducer_.works();
  result.collectives.insert(result.collectives.end(), statistics_.works().begin(), statistics_.works().end());
  return result;
}

void Ddp::begin_evaluation() {
  broadcast_buffers(replica_.model(), communicator_);
}

}  // namespace trainyard::parallel
