#include "models/transformer_layers.h"

#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>

#include "models/flops.h"
#include "models/half_rounding.h"

namespace trainyard::models {

Embedding::Embedding(Builder& builder, const std::string& name, Shape shape, double deviation)
    : padding_(shape.padding) {
  at::Tensor weight = at::empty({shape.rows, shape.features}, at::kFloat).normal_(0.0, deviation, builder.generator);
  if (padding_ != kNoPadding) weight.select(0, padding_).zero_();
  weight_ = builder.parameter(name + ".weight", weight);
}

at::Tensor Embedding::forward(const at::Tensor& numbers) const {
  return at::embedding(weight_, numbers, padding_);
}

LayerNorm::LayerNorm(Builder& builder, const std::string& name, std::int64_t features, double epsilon)
    : weight_(builder.parameter(name + ".weight", at::ones({features}, at::kFloat), /*always_float32=*/true)),
      bias_(builder.parameter(name + ".bias", at::zeros({features}, at::kFloat), /*always_float32=*/true)),
      epsilon_(epsilon) {}

at::Tensor LayerNorm::forward(const at::Tensor& input) const {
  return at::layer_norm(input.to(at::kFloat), weight_.sizes(), weight_, bias_, epsilon_).to(input.scalar_type());
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& attended,
                     double p, Dropout& dropout) {
  count_product(q, 2 * q.numel() * k.size(-2));  // q k^T, and its softmax with v
  const bool drops = dropout.drops(p);
  if (!drops || !q.is_cpu()) {
    return round_as(
        at::scaled_dot_product_attention(widen(q), widen(k), widen(v), attended, drops ? p : 0.0, /*is_causal=*/false),
        q);
  }
  const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(-1)));
  at::Tensor scores = at::matmul(widen(q).mul(scale), widen(k).transpose(-2, -1));
  scores.masked_fill_(attended.logical_not(), -std::numeric_limits<double>::infinity());
  return round_as(at::matmul(dropout.apply(scores.softmax(-1), p), widen(v)), q);
}

}  // namespace trainyard::models
