#include "parallel/ddp.h"

#include <c10/core/GradMode.h>

namespace trainyard::parallel {

Ddp::Ddp(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
         comm::Communicator& communicator)
    : communicator_(communicator),
      replica_(config, std::move(model), device, [this](std::size_t parameter) { reducer_.mark_ready(parameter); }),
      reducer_(replica_.parameters(), communicator) {}

void Ddp::synchronise() {
  for (FlatBucket& bucket : replica_.parameters().buckets())
    communicator_.broadcast(bucket.parameters, 0)->wait();
  replica_.adopt_parameters();
  broadcast_buffers();
}

StepResult Ddp::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  reducer_.begin_step();
  StepResult result = replica_.forward_backward(batches, timer);
  replica_.apply(lr, timer, {.await = [this](std::size_t bucket) { reducer_.wait(bucket); }});
  result.collectives = reducer_.works();
  return result;
}

void Ddp::broadcast_buffers() {
  const c10::NoGradGuard no_grad;
  std::vector<std::shared_ptr<comm::Work>> works;
  for (const models::NamedTensor& buffer : replica_.model().buffers()) {
    works.push_back(communicator_.broadcast(buffer.tensor, 0));
  }
  for (const auto& work : works)
    work->wait();
}

}  // namespace trainyard::parallel
