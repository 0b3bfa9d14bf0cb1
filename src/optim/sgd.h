#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace trainyard::optim {

struct SgdOptions {
  double momentum = 0.9;
  double weight_decay = 0.0;  ///< L2: added to the gradient, as in torch.optim.SGD
};

/// Stochastic gradient descent over flat float32 tensors: v = momentum v + g + weight_decay p; p -= lr v.
/// Works on any slice of a model's flat parameters, so that a shard can be stepped; state is one tensor a slice.
class Sgd {
 public:
  explicit Sgd(SgdOptions options) : options_(options) {}

  /// Registers a flat parameter tensor; returns the number by which step() knows it.
  std::size_t add(const at::Tensor& parameters);
  /// Steps one registered tensor in place. found_inf, if given, is a float32 scalar: nothing changes where it is 1.
  void step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf = {});

 private:
  SgdOptions options_;
  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> velocities_;  ///< empty without momentum
};

}  // namespace trainyard::optim
