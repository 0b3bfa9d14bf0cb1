#include "optim/adam.h"

#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <optional>

namespace trainyard::optim {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEpsilon = 1e-8;

}  // namespace

std::size_t Adam::add(const at::Tensor& parameters) {
  slices_.push_back(
      {parameters, at::zeros_like(parameters), at::zeros_like(parameters), at::zeros({}, parameters.options())});
  return slices_.size() - 1;
}

void Adam::step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf) {
  Slice& own = slices_[slice];
  own.steps.add_(1.0);
  if (found_inf.defined()) own.steps.sub_(found_inf);
  const auto call = [&](auto fused) {
    const at::TensorList no_maxima;
    fused(at::TensorList(own.parameters), at::TensorList(gradients), at::TensorList(own.mean),
          at::TensorList(own.variance), no_maxima, at::TensorList(own.steps), lr, kBeta1, kBeta2, options_.weight_decay,
          kEpsilon, /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt,
          found_inf.defined() ? std::optional(found_inf) : std::nullopt);
  };
  if (options_.decay == AdamOptions::Decay::kL2) {
    call([](auto&&... arguments) { at::_fused_adam_(arguments...); });
  } else {
    call([](auto&&... arguments) { at::_fused_adamw_(arguments...); });
  }
}

std::vector<OptimizerState> Adam::state(std::size_t slice) const {
  const Slice& own = slices_[slice];
  return {{"mean", own.mean, true}, {"variance", own.variance, true}, {"steps", own.steps, false}};
}

}  // namespace trainyard::optim
