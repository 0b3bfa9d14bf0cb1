#include "parallel/strategy.h"

#include "core/error.h"
#include "parallel/ddp.h"
#include "parallel/pipeline.h"
#include "parallel/single.h"

namespace trainyard::parallel {

void StepResult::add(const StepResult& part) {
  loss_sum = loss_sum.defined() ? loss_sum.add(part.loss_sum) : part.loss_sum;
  correct = correct.defined() ? correct.add(part.correct) : part.correct;
  samples += part.samples;
  collectives.insert(collectives.end(), part.collectives.begin(), part.collectives.end());
}

std::unique_ptr<Strategy> make_strategy(const config::RunConfig& config, std::unique_ptr<models::Model> model,
                                        at::Device device, comm::Communicator& communicator) {
  switch (config.strategy) {
    case config::StrategyKind::kSingle:
      return std::make_unique<Single>(config, std::move(model), device);
    case config::StrategyKind::kDdp:
      return std::make_unique<Ddp>(config, std::move(model), device, communicator);
    case config::StrategyKind::kPipeline:
      return std::make_unique<Pipeline>(config, std::move(model), device, communicator);
    default:
      break;
  }
  throw core::Error("strategy: not known to this build");
}

}  // namespace trainyard::parallel
