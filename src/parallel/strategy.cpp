#include "parallel/strategy.h"

#include "core/error.h"
#include "parallel/data_parallel.h"
#include "parallel/ddp.h"
#include "parallel/model_parallel.h"
#include "parallel/pipeline.h"
#include "parallel/single.h"

namespace trainyard::parallel {

namespace {

/// A pipeline whose stages take turns.
config::RunConfig of_one_micro_batch(config::RunConfig config) {
  config.stages = 0;
  config.virtual_stages = 1;
  config.micro_batches = 1;
  config.split_size = 0;
  config.pipeline_schedule = config::PipelineScheduleKind::kGpipe;
  return config;
}

}  // namespace

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
    case config::StrategyKind::kDp:
      return std::make_unique<DataParallel>(config, std::move(model), device);
    case config::StrategyKind::kModelParallel:
      if (communicator.size() == 1) return std::make_unique<ModelParallel>(config, std::move(model), device);
      return std::make_unique<Pipeline>(of_one_micro_batch(config), std::move(model), device, communicator);
    case config::StrategyKind::kPipeline:
      return std::make_unique<Pipeline>(config, std::move(model), device, communicator);
    default:
      break;
  }
  throw core::Error("strategy: not known to this build");
}

}  // namespace trainyard::parallel
