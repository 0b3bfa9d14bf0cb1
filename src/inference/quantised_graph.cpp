#include "inference/quantised_graph.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/error.h"
#include "inference/convolution_shape.h"
#include "inference/fusion.h"
#include "inference/int8.h"
#include "inference/trace.h"

namespace trainyard::inference {

namespace jit = torch::jit;

namespace {

/// Values whose ranges matter: what fusions give, and what convolutions take.
std::unordered_set<const jit::Value*> rounded_values(const FusionPlan& plan) {
  std::unordered_set<const jit::Value*> values;
  const auto convolves = [](const auto& planned) { return planned.second.convolution != nullptr; };
  if (std::ranges::none_of(plan, convolves)) return values;  // sums of floats stay what they are
  for (const auto& [node, fusion] : plan) {
    if (fusion.convolution != nullptr) values.insert(fusion.convolution->input(0));
    values.insert(fusion.last->output());
  }
  return values;
}

bool has_constant_weight(const jit::Node& linear) {
  const auto weight = jit::toIValue(linear.input(1));
  return weight && weight->isTensor() && weight->toTensor().scalar_type() == at::kFloat &&
         jit::toIValue(linear.input(2)).has_value();
}

bool is_pooling(const jit::Node& node) {
  return std::string_view(node.kind().toQualString()) == "aten::max_pool2d";
}

/// Writes the integer graph in the order of the float one.
class Rewriter {
 public:
  Rewriter(const jit::Graph& from, const FusionPlan& plan, const ValueRanges& ranges, Int8Kernels kernels)
      : from_(from),
        plan_(plan),
        ranges_(ranges),
        kernels_(kernels),
        module_("QuantisedModel"),
        graph_(std::make_shared<jit::Graph>()) {
    self_ = graph_->addInput("self")->setType(module_.type());
    floats_[from.inputs()[1]] = graph_->addInput("images");
  }

  jit::Module rewrite() {
    for (const jit::Node* node : from_.nodes()) {
      const auto planned = plan_.find(node);
      if (planned == plan_.end()) {
        take_over(*node);
      } else if (node == planned->second.last) {
        fuse(planned->second);
      }
    }
    graph_->registerOutput(float_of(from_.outputs()[0]));
    define_forward(module_, graph_);
    return module_;
  }

 private:
  /// A tensor of integers and what they stand for.
  struct Rounded {
    jit::Value* value = nullptr;
    Int8Scale scale;
  };

  jit::Value* insert(const char* operation, std::initializer_list<jit::NamedValue> inputs) {
    return graph_->insert(c10::Symbol::fromQualString(operation), inputs);
  }

  jit::Value* attribute(const char* kind, const c10::IValue& value) {
    const std::string name = fmt::format("{}{}", kind, attributes_++);
    module_.register_attribute(name, value.type(), value);
    return graph_->insertGetAttr(self_, name);
  }

  Int8Scale scale_of(const jit::Value* value) const { return int8_scale(ranges_.at(value), kernels_.levels()); }

  jit::Value* float_of(const jit::Value* value) {
    if (const auto known = floats_.find(value); known != floats_.end()) return known->second;
    jit::Value* result = nullptr;
    if (const auto rounded = rounded_.find(value); rounded != rounded_.end()) {
      result = insert("aten::dequantize", {rounded->second.value});
    } else {
      const auto constant = jit::toIValue(value);
      if (!constant) throw core::Error("quantization: the graph is not frozen");
      result = graph_->insertConstant(*constant);
    }
    return floats_[value] = result;
  }

  const Rounded& rounded(const jit::Value* value) {
    if (const auto known = rounded_.find(value); known != rounded_.end()) return known->second;
    const Int8Scale scale = scale_of(value);
    jit::Value* result = insert("aten::quantize_per_tensor", {float_of(value), scale.scale, scale.zero_point,
                                                              static_cast<std::int64_t>(at::kQUInt8)});
    return rounded_[value] = {result, scale};
  }

  void fuse(const Fusion& fusion) {
    if (fusion.convolution != nullptr) return convolve(fusion);
    if (!rounded_.contains(fusion.add->input(0)) || !rounded_.contains(fusion.add->input(1))) {
      take_over(*fusion.add);
      if (fusion.relu != nullptr) take_over(*fusion.relu);
      return;
    }
    const Int8Scale scale = scale_of(fusion.last->output());
    jit::Value* sum = insert(
        fusion.relu != nullptr ? "quantized::add_relu" : "quantized::add",
        {rounded(fusion.add->input(0)).value, rounded(fusion.add->input(1)).value, scale.scale, scale.zero_point});
    rounded_[fusion.last->output()] = {sum, scale};
  }

  void convolve(const Fusion& fusion) {
    const jit::Node& node = *fusion.convolution;
    jit::Value* input = rounded(node.input(0)).value;
    jit::Value* weight = attribute("convolution", pack_convolution(jit::toIValue(node.input(1))->toTensor(),
                                                                   *jit::toIValue(node.input(2)), shape_of(node)));
    const Int8Scale scale = scale_of(fusion.last->output());
    jit::Value* result = nullptr;
    if (fusion.add != nullptr) {
      result = insert(fusion.relu != nullptr ? "quantized::conv2d_add_relu" : "quantized::conv2d_add",
                      {input, rounded(fusion.residual).value, weight, scale.scale, scale.zero_point});
    } else {
      result = insert(fusion.relu != nullptr ? "quantized::conv2d_relu" : "quantized::conv2d",
                      {input, weight, scale.scale, scale.zero_point});
    }
    rounded_[fusion.last->output()] = {result, scale};
  }

  void take_over(const jit::Node& node) {
    if (node.kind() == c10::prim::Constant) return;
    if (std::string_view(node.kind().toQualString()) == "aten::linear" && has_constant_weight(node)) {
      jit::Value* weight =
          attribute("linear", pack_linear(jit::toIValue(node.input(1))->toTensor(), *jit::toIValue(node.input(2))));
      floats_[node.output()] =
          insert("quantized::linear_dynamic", {float_of(node.input(0)), weight, kernels_.levels() < 255});
      return;
    }
    const bool on_integers = keeps_scale(node) && rounded_.contains(node.input(0));
    jit::Node* copy = graph_->createClone(const_cast<jit::Node*>(&node), [&](jit::Value* value) {
      if (!on_integers) return float_of(value);
      if (value == node.input(0)) return rounded_.at(value).value;
      const auto constant = jit::toIValue(value);
      if (is_pooling(node) && constant && constant->isIntList())
        return graph_->insertConstant(for_both_sides(constant->toIntVector()));
      return float_of(value);
    });
    graph_->insertNode(copy);
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      if (copy->output(i)->type()->isSubtypeOf(*c10::TensorType::get()))
        copy->output(i)->setType(c10::TensorType::get());
      if (on_integers) {
        rounded_[node.output(i)] = {copy->output(i), rounded_.at(node.input(0)).scale};
      } else {
        floats_[node.output(i)] = copy->output(i);
      }
    }
  }

  const jit::Graph& from_;
  const FusionPlan& plan_;
  const ValueRanges& ranges_;
  const Int8Kernels kernels_;
  jit::Module module_;
  std::shared_ptr<jit::Graph> graph_;
  jit::Value* self_ = nullptr;
  int attributes_ = 0;
  std::unordered_map<const jit::Value*, jit::Value*> floats_;
  std::unordered_map<const jit::Value*, Rounded> rounded_;
};

}  // namespace

jit::Module quantised(const jit::Module& frozen, const CalibrationBatches& batches) {
  const Int8Kernels kernels = select_int8_kernels();
  const std::shared_ptr<jit::Graph> graph = frozen.get_method("forward").graph();
  const FusionPlan plan = plan_fusions(*graph, kernels.fuses_add());
  const ValueRanges ranges = calibrate(frozen, rounded_values(plan), batches, kernels.levels());
  return Rewriter(*graph, plan, ranges, kernels).rewrite();
}

}  // namespace trainyard::inference
