#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "models/dropout.h"
#include "models/layers.h"

namespace trainyard::models {

/// Rows of a table by number. weight: [rows, features]. Initial values: normal with the given standard deviation; the
/// row of the padding number is 0 and gets no gradient.
class Embedding {
 public:
  static constexpr std::int64_t kNoPadding = -1;

  struct Shape {
    std::int64_t rows = 0;
    std::int64_t features = 0;
    std::int64_t padding = kNoPadding;
  };

  Embedding(Builder& builder, const std::string& name, Shape shape, double deviation);
  /// int64 [...] in [0, rows) -> [..., features].
  at::Tensor forward(const at::Tensor& numbers) const;
  const at::Tensor& weight() const { return weight_; }

 private:
  at::Tensor weight_;
  std::int64_t padding_;
};

/// Layer normalisation over the last dimension (Ba et al. 2016, arXiv:1607.06450), in float32 whatever the precision.
/// Initial values: weight 1, bias 0.
class LayerNorm {
 public:
  LayerNorm(Builder& builder, const std::string& name, std::int64_t features, double epsilon);
  /// [..., features], of any floating type, which the result has too.
  at::Tensor forward(const at::Tensor& input) const;

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  double epsilon_;
};

/// softmax(q k^T / sqrt(d)) v with dropout of the softmax's result (Vaswani et al. 2017, arXiv:1706.03762, section
/// 3.2.1), by LibTorch's scaled_dot_product_attention where that can take its random numbers from `dropout`.
/// q, k, v: [N, heads, L, d]. attended: bool [N, 1, 1, L], false for keys that are padding.
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& attended,
                     double p, Dropout& dropout);

}  // namespace trainyard::models
