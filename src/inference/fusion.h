#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <unordered_map>

namespace trainyard::inference {

/// Neighbouring operations of a frozen graph that become one in 8-bit integers: a convolution with what follows it, or
/// a sum with its ReLU. The names are of the float graph.
struct Fusion {
  const torch::jit::Node* convolution = nullptr;  ///< null: the sum of two tensors that are integers already
  const torch::jit::Node* add = nullptr;
  const torch::jit::Node* relu = nullptr;
  const torch::jit::Value* residual = nullptr;  ///< what the convolution's result is added to; null without an add
  const torch::jit::Node* last = nullptr;       ///< whose output is the fusion's
};

/// Fusions by their nodes: each node of one leads to the same.
using FusionPlan = std::unordered_map<const torch::jit::Node*, Fusion>;

/// All convolutions and sums of the graph that have a form in 8-bit integers, as large as they come. fuse_add: a
/// convolution may take its residual in, which it then overwrites: only where nobody reads that one afterwards.
FusionPlan plan_fusions(const torch::jit::Graph& graph, bool fuse_add);

/// Whether an operation works on 8-bit integers as on floats and keeps their scale: a choice, a move or padding by 0.
bool keeps_scale(const torch::jit::Node& node);

}  // namespace trainyard::inference
