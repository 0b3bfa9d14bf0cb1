#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "config/run_config.h"

namespace trainyard::optim {

/// Something that an optimizer keeps of a slice from step to step. No copy: writing to it changes the optimizer.
struct OptimizerState {
  std::string_view name;     ///< "momentum"
  at::Tensor tensor;         ///< float32
  bool of_elements = false;  ///< one value for each parameter; else a scalar, the same for all slices
};

/// Steps flat float32 tensors. Every rule here is elementwise, so that a slice of a model's flat parameters is stepped
/// to the same bits as the whole (slices start on multiples of 16 elements), and a shard needs its own state alone.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Registers a flat parameter tensor; returns the number by which step() knows it.
  virtual std::size_t add(const at::Tensor& parameters) = 0;
  /// Steps one registered tensor in place. found_inf, if given, is a float32 scalar: nothing changes where it is 1.
  virtual void step(std::size_t slice, const at::Tensor& gradients, double lr, const at::Tensor& found_inf = {}) = 0;
  /// What is kept of one registered tensor from step to step.
  virtual std::vector<OptimizerState> state(std::size_t slice) const = 0;
};

/// The optimizer that a configuration names.
std::unique_ptr<Optimizer> make_optimizer(const config::RunConfig& config);

}  // namespace trainyard::optim
