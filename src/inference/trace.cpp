#include "inference/trace.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <algorithm>
#include <string>
#include <utility>

namespace trainyard::inference {
namespace {

/// A module's attributes are words of a program: layer1.0.conv1.weight is not one.
std::string as_identifier(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

}  // namespace

void define_forward(torch::jit::Module& module, std::shared_ptr<torch::jit::Graph> graph) {
  const c10::QualifiedName name(*module.type()->name(), "forward");
  module.type()->addMethod(module._ivalue()->compilation_unit()->create_function(name, std::move(graph)));
}

torch::jit::Module traced_and_frozen(const models::Model& model, const at::Tensor& example) {
  namespace jit = torch::jit;
  const c10::NoGradGuard no_grad;
  jit::Module module("Model");
  for (const models::Parameter& parameter : model.parameters())
    module.register_parameter(as_identifier(parameter.name), parameter.tensor, /*is_buffer=*/false);
  for (const models::NamedTensor& buffer : model.buffers())
    module.register_buffer(as_identifier(buffer.name), buffer.tensor);
  const auto forward = [&model](jit::Stack inputs) {
    return jit::Stack{model.forward(inputs.front().toTensor(), models::Pass::kEvaluate)};
  };
  // Operations in place become their plain forms: what follows looks for patterns of values.
  const auto [state, outputs] = jit::tracer::trace({example}, forward, [](const at::Tensor&) { return ""; },
                                                   /*strict=*/true, /*force_outplace=*/true, &module, {"images"});
  define_forward(module, state->graph);
  return jit::freeze(module);
}

}  // namespace trainyard::inference
