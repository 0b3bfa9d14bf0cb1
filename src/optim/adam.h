#pragma once

#include "optim/optimizer.h"

namespace trainyard::optim {

struct AdamOptions {
  enum class Decay {
    kL2,         ///< weight_decay p is added to the gradient, as in torch.optim.Adam
    kDecoupled,  ///< p shrinks by lr weight_decay p, as in torch.optim.AdamW (Loshchilov & Hutter 2019,
                 ///< arXiv:1711.05101)
  };
  double weight_decay = 0.0;
  Decay decay = Decay::kL2;
};

/// Adam (Kingma & Ba 2015, arXiv:1412.6980) over flat float32 tensors: m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// p -= lr m' / (sqrt(v') + epsilon) with m' = m / (1 - b1^t), v' = v / (1 - b2^t). b1 0.9, b2 0.999, epsilon 1e-8, the
/// paper's. State: two tensors a slice, and its number of steps.
class Adam final : public Optimizer {
 public:
  explicit Adam(AdamOptions options) : options_(options) {}

  std::size_t add(const at::Tensor& parameters) override;
  void step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf = {}) override;
  std::vector<OptimizerState> state(std::size_t slice) const override;

 private:
  struct Slice {
    at::Tensor parameters;
    at::Tensor mean;      ///< m
    at::Tensor variance;  ///< v
    at::Tensor steps;     ///< t, a float32 scalar on the parameters' device: skipped steps do not count
  };

  AdamOptions options_;
  std::vector<Slice> slices_;
};

}  // namespace trainyard::optim
