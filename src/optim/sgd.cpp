#include "optim/sgd.h"

#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/zeros_like.h>

#include <optional>

namespace trainyard::optim {

std::size_t Sgd::add(const at::Tensor& parameters) {
  parameters_.push_back(parameters);
  if (options_.momentum != 0.0) velocities_.push_back(at::zeros_like(parameters));
  return parameters_.size() - 1;
}

void Sgd::step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf) {
  std::vector<at::Tensor> velocities;
  if (!velocities_.empty()) velocities.push_back(velocities_[slice]);
  at::_fused_sgd_({parameters_[slice]}, {gradients}, velocities, options_.weight_decay, options_.momentum, lr,
                  /*dampening=*/0.0, /*nesterov=*/false, /*maximize=*/false, /*is_first_step=*/false,
                  /*grad_scale=*/std::nullopt, found_inf.defined() ? std::optional(found_inf) : std::nullopt);
}

std::vector<OptimizerState> Sgd::state(std::size_t slice) const {
  if (velocities_.empty()) return {};
  return {{"momentum", velocities_[slice], true}};
}

}  // namespace trainyard::optim
