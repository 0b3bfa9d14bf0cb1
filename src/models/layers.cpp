#include "models/layers.h"

#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "models/batch_norm_relu.h"
#include "models/flops.h"
#include "models/half_rounding.h"
#include "models/sync_batch_norm.h"

namespace trainyard::models {
namespace {

constexpr double kBatchNormMomentum = 0.1;
constexpr double kBatchNormEpsilon = 1e-5;

at::Tensor buffer(Builder& builder, const std::string& name, at::Tensor value) {
  builder.registry.buffers.push_back({name, value});
  return value;
}

at::Tensor uniform(Builder& builder, at::IntArrayRef shape, double bound) {
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, builder.generator);
}

}  // namespace

at::Tensor Builder::parameter(const std::string& name, at::Tensor value, bool always_float32) {
  value.requires_grad_(true);
  registry.parameters.push_back({name, value, always_float32});
  return value;
}

Conv2d::Conv2d(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel,
               std::int64_t stride, std::int64_t padding)
    : stride_(stride), padding_(padding) {
  const double fan_out = static_cast<double>(out * kernel * kernel);
  weight_ = builder.parameter(
      name + ".weight",
      at::empty({out, in, kernel, kernel}, at::kFloat).normal_(0.0, std::sqrt(2.0 / fan_out), builder.generator));
}

at::Tensor Conv2d::forward(const at::Tensor& input) const {
  const at::Tensor output = at::conv2d(widen(input), widen(weight_), {}, stride_, padding_);
  count_product(input, output.numel() * (weight_.numel() / weight_.size(0)));
  return round_as(output, input);
}

BatchNorm2d::BatchNorm2d(Builder& builder, const std::string& name, std::int64_t channels)
    : weight_(builder.parameter(name + ".weight", at::ones({channels}, at::kFloat), true)),
      bias_(builder.parameter(name + ".bias", at::zeros({channels}, at::kFloat), true)),
      running_mean_(buffer(builder, name + ".running_mean", at::zeros({channels}, at::kFloat))),
      running_var_(buffer(builder, name + ".running_var", at::ones({channels}, at::kFloat))),
      num_batches_tracked_(buffer(builder, name + ".num_batches_tracked", at::zeros({}, at::kLong))),
      statistics_(builder.registry.statistics) {}

at::Tensor BatchNorm2d::apply(const at::Tensor& input, const at::Tensor& residual, bool relu, Pass pass) const {
  const bool trains = pass != Pass::kEvaluate;
  if (pass == Pass::kTrain) num_batches_tracked_.add_(1);
  // Without running statistics the batch's own are used and none updated.
  const at::Tensor running_mean = pass == Pass::kRecompute ? at::Tensor() : running_mean_;
  const at::Tensor running_var = pass == Pass::kRecompute ? at::Tensor() : running_var_;
  const BatchNormState state{weight_, bias_, running_mean, running_var, kBatchNormMomentum, kBatchNormEpsilon};
  const bool synchronised = trains && statistics_->over != nullptr;
  if (trains && !synchronised && can_fuse_batch_norm(input, state))
    return train_batch_norm(input, residual, relu, state);
  at::Tensor output = synchronised
                          ? sync_batch_norm(input, state, *statistics_)
                          : round_as(at::batch_norm(widen(input), weight_, bias_, running_mean, running_var, trains,
                                                    kBatchNormMomentum, kBatchNormEpsilon, /*cudnn_enabled=*/true),
                                     input);
  if (residual.defined()) output.add_(residual);
  if (relu) output.relu_();
  return output;
}

at::Tensor BatchNorm2d::forward(const at::Tensor& input, Pass pass) const {
  return apply(input, {}, /*relu=*/false, pass);
}

at::Tensor BatchNorm2d::forward_relu(const at::Tensor& input, Pass pass) const {
  return apply(input, {}, /*relu=*/true, pass);
}

at::Tensor BatchNorm2d::forward_add_relu(const at::Tensor& input, const at::Tensor& residual, Pass pass) const {
  return apply(input, residual, /*relu=*/true, pass);
}

Linear::Linear(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  weight_ = builder.parameter(name + ".weight", uniform(builder, {out, in}, bound));
  bias_ = builder.parameter(name + ".bias", uniform(builder, {out}, bound));
}

Linear::Linear(Builder& builder, const std::string& name, std::int64_t in, std::int64_t out, double deviation) {
  weight_ =
      builder.parameter(name + ".weight", at::empty({out, in}, at::kFloat).normal_(0.0, deviation, builder.generator));
  bias_ = builder.parameter(name + ".bias", at::zeros({out}, at::kFloat));
}

at::Tensor Linear::forward(const at::Tensor& input) const {
  count_product(input, input.numel() * weight_.size(0));
  return round_as(at::linear(widen(input), widen(weight_), widen(bias_)), input);
}

}  // namespace trainyard::models
