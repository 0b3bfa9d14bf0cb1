#include "models/recompute.h"

#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/saved_variable.h>

#include <mutex>
#include <utility>

namespace trainyard::models {
namespace {

using torch::autograd::Node;
using torch::autograd::SavedVariable;
using torch::autograd::variable_list;

at::Tensor state_of(at::Generator generator) {
  const std::scoped_lock lock(generator.mutex());
  return generator.get_state();
}

void set_state(at::Generator generator, const at::Tensor& state) {
  const std::scoped_lock lock(generator.mutex());
  generator.set_state(state);
}

/// While it lives, the generator continues from another state; then from where it was.
class GeneratorAt {
 public:
  GeneratorAt(at::Generator generator, const at::Tensor& state)
      : generator_(std::move(generator)), before_(state_of(generator_)) {
    set_state(generator_, state);
  }
  ~GeneratorAt() { set_state(generator_, before_); }
  GeneratorAt(const GeneratorAt&) = delete;
  GeneratorAt& operator=(const GeneratorAt&) = delete;

 private:
  at::Generator generator_;
  at::Tensor before_;
};

/// Where the nested backward begins: hands over the gradient of the recomputed output. Were that output autograd's
/// root, both would be kept until the end, though the last operation of the part is the only one to use them.
class Entry final : public Node {
 public:
  explicit Entry(at::Tensor gradient) : gradient_(std::move(gradient)) {}

  variable_list apply(variable_list&& /*unused*/) override { return {std::move(gradient_)}; }

 private:
  at::Tensor gradient_;
};

/// Back-propagates gradient from an edge of a graph into its leaves.
void backward_from(torch::autograd::Edge edge, at::Tensor gradient) {
  const at::Tensor root = at::zeros({}, gradient.options());
  const auto entry = std::make_shared<Entry>(std::move(gradient));
  entry->add_next_edge(std::move(edge));
  torch::autograd::set_history(root, entry);
  torch::autograd::backward({root}, {});
}

class Recompute final : public Node {
 public:
  Recompute(const at::Tensor& input, at::Generator generator, ForwardPart part)
      : part_(std::move(part)),
        input_(input, /*is_output=*/false),
        generator_(std::move(generator)),
        state_(state_of(generator_)) {
    set_next_edges({torch::autograd::impl::gradient_edge(input)});
  }

  variable_list apply(variable_list&& gradients) override {
    if (!gradients.front().defined()) return {at::Tensor()};
    at::Tensor input = input_.unpack().detach();
    input.requires_grad_(should_compute_output(0));
    backward_from(run_again(input), std::move(gradients.front()));
    return {std::move(input.mutable_grad())};
  }

  void release_variables() override { input_.reset_data(); }

 private:
  /// The end of the part's graph. The output itself is let go.
  torch::autograd::Edge run_again(const at::Tensor& input) const {
    const c10::AutoGradMode with_graph(true);
    const GeneratorAt as_first_time(generator_, state_);
    return torch::autograd::impl::gradient_edge(part_(input, Pass::kRecompute));
  }

  ForwardPart part_;
  SavedVariable input_;
  at::Generator generator_;
  at::Tensor state_;
};

}  // namespace

at::Tensor forward_recomputed(const at::Tensor& input, ForwardPart part) {
  const auto node = std::make_shared<Recompute>(input, at::globalContext().defaultGenerator(input.device()), part);
  at::Tensor output;
  {
    const c10::NoGradGuard without_graph;
    output = part(input, Pass::kTrain).detach();
  }
  torch::autograd::set_history(output, node);
  return output;
}

}  // namespace trainyard::models
