#include "inference/graph_runner.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <map>
#include <unordered_map>
#include <utility>

#include "core/error.h"

namespace trainyard::inference {

namespace jit = torch::jit;

namespace {

/// The items of a list, whose type the node's output has.
std::function<void(jit::Stack&)> list_maker(const jit::Node& node) {
  const c10::TypePtr element = node.output()->type()->expectRef<c10::ListType>().getElementType();
  return [element, count = node.inputs().size()](jit::Stack& stack) {
    c10::impl::GenericList list(element);
    list.reserve(count);
    for (std::size_t i = stack.size() - count; i < stack.size(); ++i)
      list.push_back(std::move(stack[i]));
    jit::drop(stack, count);
    jit::push(stack, std::move(list));
  };
}

std::function<void(jit::Stack&)> operation_of(const jit::Node& node) {
  if (node.kind() == c10::prim::ListConstruct) return list_maker(node);
  if (!node.blocks().empty() || node.maybeOperator() == nullptr) {
    throw core::Error(fmt::format("a graph with {} cannot be run step by step", node.kind().toQualString()));
  }
  return node.getOperation();
}

}  // namespace

GraphRunner::GraphRunner(const jit::Module& module) : graph_(module.get_method("forward").graph()) {
  std::unordered_map<const jit::Value*, std::size_t> slot_of;
  const auto new_slot = [&](const jit::Value* value, c10::IValue content) {
    slot_of.emplace(value, slots_.size());
    slots_.push_back(std::move(content));
    return slots_.size() - 1;
  };
  if (graph_->inputs().size() != 2 || graph_->outputs().size() != 1) {
    throw core::Error("a graph of other than one input and one output cannot be run step by step");
  }
  new_slot(graph_->inputs()[0], module._ivalue());
  input_ = new_slot(graph_->inputs()[1], {});
  for (const jit::Node* node : graph_->nodes()) {
    if (node->kind() == c10::prim::Constant) {
      new_slot(node->output(), *jit::toIValue(node->output()));
    } else if (node->kind() == c10::prim::GetAttr) {
      new_slot(node->output(), module.attr(node->s(c10::attr::name)));
    } else {
      Step step{node, operation_of(*node), {}, {}};
      for (const jit::Value* input : node->inputs())
        step.inputs.push_back({slot_of.at(input), false});
      for (const jit::Value* output : node->outputs())
        step.outputs.push_back(new_slot(output, {}));
      steps_.push_back(std::move(step));
    }
  }
  output_ = slot_of.at(graph_->outputs()[0]);
  // From the end: who names a computed value first there is its last user, and lets its memory go.
  std::vector<bool> used(slots_.size(), false);
  used[output_] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    for (auto operand = step->inputs.rbegin(); operand != step->inputs.rend(); ++operand) {
      const bool constant = !slots_[operand->slot].isNone();
      operand->last_use = !constant && !used[operand->slot];
      used[operand->slot] = true;
    }
  }
}

at::Tensor GraphRunner::run(const at::Tensor& input, const Observer& observer) {
  if (observer) observer(*graph_->inputs()[1], input);
  slots_[input_] = input;
  jit::Stack stack;
  for (const Step& step : steps_) {
    for (const Operand& operand : step.inputs) {
      if (operand.last_use) {
        stack.push_back(std::exchange(slots_[operand.slot], c10::IValue()));
      } else {
        stack.push_back(slots_[operand.slot]);
      }
    }
    step.carry_out(stack);
    for (std::size_t i = 0; i < step.outputs.size(); ++i)
      slots_[step.outputs[i]] = std::move(stack[i]);
    stack.clear();
    if (!observer) continue;
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      const c10::IValue& value = slots_[step.outputs[i]];
      if (value.isTensor()) observer(*step.node->outputs()[i], value.toTensor());
    }
  }
  return std::exchange(slots_[output_], c10::IValue()).toTensor();
}

}  // namespace trainyard::inference
