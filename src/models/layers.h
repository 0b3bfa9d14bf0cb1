#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "models/pass.h"
#include "models/registry.h"

namespace trainyard::models {

/// Makes a model's tensors: initial values from one generator, in float32 on the CPU, so that a seed gives the same
/// model on every machine and rank; the model is moved afterwards.
struct Builder {
  TensorRegistry& registry;
  at::Generator generator;

  /// Registers a float32 tensor as a parameter and returns it.
  at::Tensor parameter(const std::string& name, at::Tensor value, bool always_float32 = false);
};

/// 2-D convolution without bias, square kernel. weight: [out, in, kernel, kernel].
/// Initial values: Kaiming normal, fan-out, for ReLU (He et al. 2015), as torchvision's ResNet.
class Conv2d {
 public:
  Conv2d(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
         std::int64_t stride, std::int64_t padding);
  /// [N, in, H, W] -> [N, out, H', W'].
  at::Tensor forward(const at::Tensor& input) const;

 private:
  at::Tensor weight_;
  std::int64_t stride_;
  std::int64_t padding_;
};

/// Batch normalisation over N, H and W, then, where asked for, the sum with a residual and ReLU: the three always come
/// together in a ResNet and are memory-bound, so they are one operation where batch_norm_relu.h can make them one
/// (training in float32 on the CPU, over this rank's samples). momentum 0.1, epsilon 1e-5.
class BatchNorm2d {
 public:
  BatchNorm2d(Builder& builder, const std::string& name, std::int64_t channels);
  at::Tensor forward(const at::Tensor& input, Pass pass) const;
  at::Tensor forward_relu(const at::Tensor& input, Pass pass) const;
  at::Tensor forward_add_relu(const at::Tensor& input, const at::Tensor& residual, Pass pass) const;

 private:
  at::Tensor apply(const at::Tensor& input, const at::Tensor& residual, bool relu, Pass pass) const;

  at::Tensor weight_;
  at::Tensor bias_;
  at::Tensor running_mean_;
  at::Tensor running_var_;
  at::Tensor num_batches_tracked_;
  std::shared_ptr<const BatchStatistics> statistics_;
};

/// [..., in] -> [..., out].
class Linear {
 public:
  /// Initial values: uniform in +-1/sqrt(in), weight and bias, as PyTorch's Linear.
  Linear(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out);
  /// Initial values: weight normal with this standard deviation, bias 0, as BERT's layers.
  Linear(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out, double deviation);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  at::Tensor weight_;
  at::Tensor bias_;
};

}  // namespace trainyard::models
