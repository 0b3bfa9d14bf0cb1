#include "inference/fused_convolutions.h"

#include <fmt/format.h>
#include <torch/csrc/jit/ir/constants.h>

#include <memory>
#include <string>
#include <vector>

#include "inference/convolution_shape.h"
#include "inference/fusion.h"
#include "inference/operation.h"

namespace trainyard::inference {

namespace jit = torch::jit;

namespace {

constexpr const char* kConvolution = "mkldnn::_convolution_pointwise";
constexpr const char* kConvolutionInPlace = "mkldnn::_convolution_pointwise_";  // sums into its first argument

class Rewriter {
 public:
  explicit Rewriter(jit::Module& module) : module_(module), graph_(module.get_method("forward").graph()) {}

  void rewrite() {
    const FusionPlan plan = plan_fusions(*graph_, /*fuse_add=*/true);
    std::vector<Fusion> fusions;  // in the order of the graph, which rewriting changes
    for (const jit::Node* node : graph_->nodes()) {
      const auto planned = plan.find(node);
      if (planned != plan.end() && planned->second.last == node && planned->second.convolution != nullptr)
        fusions.push_back(planned->second);
    }
    if (fusions.empty()) return;
    take_images_channels_last();
    for (const Fusion& fusion : fusions)
      replace(fusion);
  }

 private:
  jit::Value* insert(const char* operation, std::initializer_list<jit::NamedValue> inputs) {
    return graph_->insert(c10::Symbol::fromQualString(operation), inputs);
  }

  void take_images_channels_last() {
    const jit::WithInsertPoint at_the_start(*graph_->nodes().begin());
    jit::Value* images = graph_->inputs()[1];
    jit::Value* turned =
        graph_->insert(c10::aten::contiguous, {images},
                       {jit::NamedValue("memory_format", static_cast<std::int64_t>(at::MemoryFormat::ChannelsLast))});
    images->replaceAllUsesAfterNodeWith(turned->node(), turned);
  }

  /// The weight in oneDNN's order, which has no form as a constant of a graph.
  jit::Value* ordered_weight(const jit::Node& convolution, const ConvolutionShape& shape) {
    const std::string name = fmt::format("convolution{}", attributes_++);
    const c10::IValue weight = call_operation("mkldnn::_reorder_convolution_weight",
                                              {jit::toIValue(convolution.input(1))->toTensor(), shape.padding,
                                               shape.stride, shape.dilation, shape.groups, c10::IValue()});
    module_.register_attribute(name, c10::TensorType::get(), weight);
    return graph_->insertGetAttr(graph_->inputs()[0], name);
  }

  /// Of ReLU there are none.
  jit::Value* no_parameters() {
    return graph_->insertNode(graph_->createList(c10::OptionalType::create(c10::NumberType::get()), {}))->output();
  }

  /// The plan is of this graph, which is ours to change.
  static jit::Node* own(const jit::Node* node) { return const_cast<jit::Node*>(node); }

  void replace(const Fusion& fusion) {
    jit::Node* last = own(fusion.last);
    const jit::WithInsertPoint before(last);
    const jit::Node& node = *fusion.convolution;
    const ConvolutionShape shape = shape_of(node);
    jit::Value* weight = ordered_weight(node, shape);
    const std::string relu = fusion.relu != nullptr ? "relu" : "none";
    jit::Value* result = nullptr;
    if (fusion.add != nullptr) {
      // As the graph has it by now: the plan's residual may have been replaced.
      jit::Value* residual = fusion.add->input(fusion.add->input(0) == node.output() ? 1 : 0);
      result = insert(kConvolutionInPlace,
                      {residual, node.input(0), weight, node.input(2), shape.padding, shape.stride, shape.dilation,
                       shape.groups, std::string("add"), 1.0,
                       fusion.relu != nullptr ? c10::IValue("relu") : c10::IValue(), no_parameters(), c10::IValue()});
    } else {
      result = insert(kConvolution, {node.input(0), weight, node.input(2), shape.padding, shape.stride, shape.dilation,
                                     shape.groups, relu, no_parameters(), std::string()});
    }
    last->output()->replaceAllUsesWith(result);
    // From the last to the first: a node may go once nobody uses it.
    for (const jit::Node* old : {fusion.relu, fusion.add, fusion.convolution}) {
      if (old != nullptr) own(old)->destroy();
    }
  }

  jit::Module& module_;
  std::shared_ptr<jit::Graph> graph_;
  int attributes_ = 0;
};

}  // namespace

void fuse_convolutions(jit::Module& module) {
  Rewriter(module).rewrite();
}

}  // namespace trainyard::inference
