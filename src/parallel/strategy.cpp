#include "parallel/strategy.h"

#include "core/error.h"
#include "parallel/ddp.h"
#include "parallel/single.h"

namespace trainyard::parallel {

std::unique_ptr<Strategy> make_strategy(const config::RunConfig& config, std::unique_ptr<models::Model> model,
                                        at::Device device, comm::Communicator& communicator) {
  switch (config.strategy) {
    case config::StrategyKind::kSingle:
      return std::make_unique<Single>(config, std::move(model), device);
    case config::StrategyKind::kDdp:
      return std::make_unique<Ddp>(config, std::move(model), device, communicator);
  }
  throw core::Error("strategy: not known to this build");
}

}  // namespace trainyard::parallel
