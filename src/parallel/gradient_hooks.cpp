#include "parallel/gradient_hooks.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

namespace trainyard::parallel {

class GradientHooks::Capture final : public torch::autograd::FunctionPreHook {
 public:
  Capture(GradientHooks& hooks, std::size_t parameter) : hooks_(hooks), parameter_(parameter) {}

  torch::autograd::variable_list operator()(const torch::autograd::variable_list& gradients) override {
    if (!gradients.front().defined()) return gradients;
    hooks_.receive(parameter_, gradients.front());
    return {at::Tensor()};  // nothing left to accumulate
  }

 private:
  GradientHooks& hooks_;
  std::size_t parameter_;
};

GradientHooks::GradientHooks(const models::Model& model, FlatParameters& parameters, Ready on_ready)
    : parameters_(parameters),
      on_ready_(std::move(on_ready)),
      written_(model.parameters().size(), false),
      ready_(written_) {
  for (std::size_t index = 0; index < model.parameters().size(); ++index) {
    auto accumulator = torch::autograd::impl::grad_accumulator(model.parameters()[index].tensor);
    accumulator->add_pre_hook(std::make_unique<Capture>(*this, index));
    accumulators_.push_back(std::move(accumulator));
  }
}

GradientHooks::~GradientHooks() {
  for (const auto& accumulator : accumulators_)
    accumulator->pre_hooks().clear();
}

void GradientHooks::begin_step() {
  written_.assign(written_.size(), false);
  ready_.assign(ready_.size(), false);
  last_backward_ = false;
}

void GradientHooks::receive(std::size_t parameter, const at::Tensor& gradient) {
  parameters_.give_gradients(parameters_.bucket_of(parameter));
  const at::Tensor& view = parameters_.gradient(parameter);
  if (written_[parameter]) {
    view.add_(gradient);
  } else {
    view.copy_(gradient);
    written_[parameter] = true;
  }
  if (last_backward_) mark_ready(parameter);
}

void GradientHooks::mark_ready(std::size_t parameter) {
  ready_[parameter] = true;
  on_ready_(parameter);
}

void GradientHooks::finish_step() {
  for (std::size_t parameter = 0; parameter < written_.size(); ++parameter) {
    if (ready_[parameter]) continue;
    parameters_.give_gradients(parameters_.bucket_of(parameter));
    if (!written_[parameter]) parameters_.gradient(parameter).zero_();
    mark_ready(parameter);
  }
}

}  // namespace trainyard::parallel
