#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/stack.h>
#include <torch/csrc/jit/api/module.h>

#include <cstddef>
#include <functional>
#include <vector>

namespace trainyard::inference {

/// Carries out a module's `forward` operation by operation, as eager execution does: no optimisation, nothing fused.
/// For graphs without control flow, one tensor in and one out.
class GraphRunner {
 public:
  /// What sees each tensor once it is computed, the input first.
  using Observer = std::function<void(const torch::jit::Value& value, const at::Tensor& tensor)>;

  /// @throws core::Error where the graph has control flow or an operation that this LibTorch does not know.
  explicit GraphRunner(const torch::jit::Module& module);

  at::Tensor run(const at::Tensor& input, const Observer& observer = {});

 private:
  struct Operand {
    std::size_t slot = 0;
    bool last_use = false;
  };
  struct Step {
    const torch::jit::Node* node = nullptr;
    std::function<void(torch::jit::Stack&)> carry_out;
    std::vector<Operand> inputs;
    std::vector<std::size_t> outputs;
  };

  std::shared_ptr<torch::jit::Graph> graph_;  ///< keeps the nodes
  std::vector<c10::IValue> slots_;            ///< a value each; constants stay
  std::vector<Step> steps_;
  std::size_t input_ = 0;
  std::size_t output_ = 0;
};

}  // namespace trainyard::inference
