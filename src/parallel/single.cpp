#include "parallel/single.h"

namespace trainyard::parallel {

Single::Single(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device)
    : replica_(config, std::move(model), device, [](std::size_t) {}) {}

StepResult Single::step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) {
  StepResult result = replica_.forward_backward(batches, timer);
  replica_.apply(lr, timer, {});
  return result;
}

}  // namespace trainyard::parallel
