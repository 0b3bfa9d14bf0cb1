#include "inference/fusion.h"

#include <torch/csrc/jit/ir/constants.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace trainyard::inference {

namespace jit = torch::jit;

namespace {

bool is(const jit::Node& node, std::string_view name) {
  return node.kind().toQualString() == name;
}

bool is_constant(const jit::Value* value) {
  return value->node()->kind() == c10::prim::Constant;
}

/// A 2-D convolution, not transposed, whose weights and padding are known numbers.
bool is_convolution(const jit::Node& node) {
  const bool general = is(node, "aten::_convolution");
  if (!general && !is(node, "aten::conv2d")) return false;
  for (std::size_t i = 1; i < node.inputs().size(); ++i) {
    if (!is_constant(node.input(i))) return false;
  }
  const at::Tensor weight = jit::toIValue(node.input(1))->toTensor();
  if (weight.dim() != 4 || weight.scalar_type() != at::kFloat) return false;
  if (general && jit::toIValue(node.input(6))->toBool()) return false;
  return jit::toIValue(node.input(4))->isIntList();
}

/// a + b of two computed tensors.
bool is_sum(const jit::Node& node) {
  if (!is(node, "aten::add") || node.inputs().size() != 3) return false;
  const auto factor = jit::toIValue(node.input(2));
  return !is_constant(node.input(0)) && !is_constant(node.input(1)) && factor && factor->isInt() &&
         factor->toInt() == 1;
}

/// The one node that uses a value, or null.
const jit::Node* only_user(const jit::Value* value) {
  return value->uses().size() == 1 && value->uses().front().user->kind() != c10::prim::Return
             ? value->uses().front().user
             : nullptr;
}

const jit::Node* following_relu(const jit::Node& node) {
  const jit::Node* user = only_user(node.output());
  return user != nullptr && is(*user, "aten::relu") ? user : nullptr;
}

/// Whether `writer` may overwrite a value: it is a tensor of its own, and all who read it are done by then.
bool may_overwrite(const jit::Value* value, const jit::Node& writer) {
  const jit::Node& maker = *value->node();
  const bool own_memory = is_convolution(maker) || is_sum(maker) || is(maker, "aten::relu") ||
                          is(maker, "aten::max_pool2d") || is(maker, "aten::constant_pad_nd") || is(maker, "aten::pad");
  return own_memory && std::ranges::all_of(value->uses(), [&](const jit::Use& use) {
           const jit::Node& user = *use.user;
           const bool reads_alone = is_convolution(user) || is_sum(user) || is(user, "aten::max_pool2d");
           return &user == &writer || (reads_alone && user.isBefore(&writer));
         });
}

class Planner {
 public:
  explicit Planner(bool fuse_add) : fuse_add_(fuse_add) {}

  void take_convolution(const jit::Node& node) {
    Fusion fusion{.convolution = &node, .last = &node};
    const jit::Node* user = only_user(node.output());
    if (fuse_add_ && user != nullptr && is_sum(*user) && !plan_.contains(user)) {
      const jit::Value* other = user->input(user->input(0) == node.output() ? 1 : 0);
      // The convolution still reads its input while it writes its result.
      if (other != node.output() && other != node.input(0) && may_overwrite(other, *user)) {
        fusion.add = fusion.last = user;
        fusion.residual = other;
      }
    }
    add_relu_and_keep(fusion);
  }

  void take_sum(const jit::Node& node) {
    if (!plan_.contains(&node)) add_relu_and_keep({.add = &node, .last = &node});
  }

  FusionPlan take() { return std::move(plan_); }

 private:
  void add_relu_and_keep(Fusion fusion) {
    fusion.relu = following_relu(*fusion.last);
    if (fusion.relu != nullptr) fusion.last = fusion.relu;
    for (const jit::Node* node : {fusion.convolution, fusion.add, fusion.relu}) {
      if (node != nullptr) plan_.emplace(node, fusion);
    }
  }

  bool fuse_add_;
  FusionPlan plan_;
};

}  // namespace

FusionPlan plan_fusions(const jit::Graph& graph, bool fuse_add) {
  std::vector<const jit::Node*> nodes(graph.nodes().begin(), graph.nodes().end());
  Planner planner(fuse_add);
  // The later of two convolutions takes a sum: what it adds to is there by then.
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (is_convolution(**node)) planner.take_convolution(**node);
  }
  for (const jit::Node* node : nodes) {
    if (is_sum(*node)) planner.take_sum(*node);
  }
  return planner.take();
}

bool keeps_scale(const jit::Node& node) {
  constexpr std::array<std::string_view, 4> kMoves{"aten::max_pool2d", "aten::relu", "aten::slice", "aten::flatten"};
  if (std::ranges::count(kMoves, node.kind().toQualString()) > 0) return true;
  if (is(node, "aten::constant_pad_nd")) {
    const auto value = jit::toIValue(node.input(2));
    return value && value->isScalar() && value->toScalar().toDouble() == 0.0;
  }
  return false;
}

}  // namespace trainyard::inference
