#include "optim/optimizer.h"

#include "core/error.h"
#include "optim/adam.h"
#include "optim/sgd.h"

namespace trainyard::optim {

std::unique_ptr<Optimizer> make_optimizer(const config::RunConfig& config) {
  switch (config.optimizer) {
    case config::OptimizerKind::kSgd:
      return std::make_unique<Sgd>(SgdOptions{config.momentum, config.weight_decay});
    case config::OptimizerKind::kAdam:
      return std::make_unique<Adam>(AdamOptions{config.weight_decay, AdamOptions::Decay::kL2});
    case config::OptimizerKind::kAdamW:
      return std::make_unique<Adam>(AdamOptions{config.weight_decay, AdamOptions::Decay::kDecoupled});
  }
  throw core::Error("optimizer: not known to this build");
}

}  // namespace trainyard::optim
