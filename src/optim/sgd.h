#pragma once

#include "optim/optimizer.h"

namespace trainyard::optim {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 0.0;  ///< L2: added to the gradient, as in torch.optim.SGD
};

/// Stochastic gradient descent over flat float32 tensors: v = momentum v + g + weight_decay p; p -= lr v. State: one
/// tensor a slice, none without momentum.
class Sgd final : public Optimizer {
 public:
  explicit Sgd(SgdOptions options) : options_(options) {}

  std::size_t add(const at::Tensor& parameters) override;
  void step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf = {}) override;
  std::vector<OptimizerState> state(std::size_t slice) const override;

 private:
  SgdOptions options_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> velocities_;  ///< empty without momentum
};

}  // namespace trainyard::optim
