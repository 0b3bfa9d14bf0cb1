#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "models/model.h"
#include "parallel/flat_parameters.h"

namespace torch::autograd {
struct Node;
}

namespace trainyard::parallel {

/// Takes each parameter's gradient from autograd the moment it is final and writes it into its flat view: one copy,
/// where accumulating into a zeroed view costs three passes over the memory.
class GradientHooks {
 public:
  using Ready = std::function<void(std::size_t parameter)>;

  /// on_ready is called once a step for each parameter, in the step's last backward, from autograd's thread of the
  /// device, after the gradient was written or added.
  GradientHooks(const models::Model& model, FlatParameters& parameters, Ready on_ready);
  ~GradientHooks();
  GradientHooks(const GradientHooks&) = delete;
  GradientHooks& operator=(const GradientHooks&) = delete;

  /// A new optimizer step: the next gradient of each parameter replaces, later ones add.
  void begin_step();
  /// The backward that comes is the last one of the step: what it writes is final.
  void expect_last_backward() { last_backward_ = true; }
  /// Calls on_ready for the parameters that the last backward did not reach, after zeroing those that none reached.
  void finish_step();

 private:
  class Capture;
  void receive(std::size_t parameter, const at::Tensor& gradient);
  void mark_ready(std::size_t parameter);

  FlatParameters& parameters_;
  Ready on_ready_;
  std::vector<bool> written_;
  std::vector<bool> ready_;
  bool last_backward_ = false;
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;  ///< autograd itself keeps them weakly
};

}  // namespace trainyard::parallel
