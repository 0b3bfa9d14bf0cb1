#include "models/batch_norm_relu.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <optional>
#include <utility>

#include "models/batch_norm_kernels.h"

namespace trainyard::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Channels that a thread takes at least: two cache lines of float32, so that channels-last writers do not share one.
constexpr std::int64_t kChannelsPerThread = 32;

at::MemoryFormat format_of(const at::Tensor& tensor) {
  return tensor.is_contiguous() ? at::MemoryFormat::Contiguous : at::MemoryFormat::ChannelsLast;
}

kernels::Activation activation_of(const at::Tensor& tensor) {
  const std::int64_t pixels = tensor.size(2) * tensor.size(3);
  // With one pixel both formats are the same bytes, and the loops over channels are the longer ones.
  const bool rows = pixels == 1 || format_of(tensor) == at::MemoryFormat::ChannelsLast;
  return {tensor.size(0), tensor.size(1), pixels, rows};
}

/// Whether no other tensor is or views this one's memory, and no graph is built over it.
bool is_ours_alone(const at::Tensor& tensor) {
  return !c10::GradMode::is_enabled() && tensor.use_count() == 1 && tensor.storage().use_count() == 1;
}

template <typename Arguments>
void over_channels(const Arguments& arguments, void (*kernel)(const Arguments&, std::int64_t, std::int64_t)) {
  at::parallel_for(0, arguments.shape.channels, kChannelsPerThread,
                   [&](std::int64_t begin, std::int64_t end) { kernel(arguments, begin, end); });
}

class TrainBatchNorm final : public torch::autograd::Function<TrainBatchNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const std::optional<at::Tensor>& residual, bool relu,
                            const std::optional<at::Tensor>& running_mean,
                            const std::optional<at::Tensor>& running_variance, double momentum, double epsilon) {
    const at::Tensor summand = residual ? residual->contiguous(format_of(input)) : at::Tensor();
    const at::Tensor output = at::empty_like(input);
    const at::Tensor mean = at::empty({input.size(1)}, input.options());
    const at::Tensor inverse_deviation = at::empty_like(mean);

    kernels::BatchNormForward arguments;
    arguments.shape = activation_of(input);
    arguments.input = input.const_data_ptr<float>();
    arguments.residual = summand.defined() ? summand.const_data_ptr<float>() : nullptr;
    arguments.weight = weight.const_data_ptr<float>();
    arguments.bias = bias.const_data_ptr<float>();
    arguments.epsilon = epsilon;
    arguments.momentum = momentum;
    arguments.relu = relu;
    arguments.output = output.mutable_data_ptr<float>();
    arguments.mean = mean.mutable_data_ptr<float>();
    arguments.inverse_deviation = inverse_deviation.mutable_data_ptr<float>();
    arguments.running_mean = running_mean ? running_mean->mutable_data_ptr<float>() : nullptr;
    arguments.running_variance = running_variance ? running_variance->mutable_data_ptr<float>() : nullptr;
    over_channels(arguments, kernels::batch_norm_forward);

    context->save_for_backward({input, weight, mean, inverse_deviation, relu ? output : at::Tensor()});
    context->saved_data["residual"] = residual.has_value();
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor& relu_output = saved[4];
    at::Tensor gradient = std::move(gradients[0]);
    gradient = gradient.contiguous(format_of(input));
    const at::Tensor weight_gradient = at::empty_like(weight);
    const at::Tensor bias_gradient = at::empty_like(weight);
    const bool has_residual = context->saved_data["residual"].toBool();
    // What nobody else will read is written over: one activation less at the peak, and no new pages to touch.
    const bool writes_residual = has_residual && relu_output.defined();
    const bool overwrites = is_ours_alone(gradient) && (writes_residual || !has_residual);
    at::Tensor residual_gradient;
    if (writes_residual) residual_gradient = overwrites ? gradient : at::empty_like(input);
    if (has_residual && !writes_residual) residual_gradient = gradient;  // without ReLU it is the output's
    const at::Tensor input_gradient = overwrites && !writes_residual ? gradient : at::empty_like(input);

    kernels::BatchNormBackward arguments;
    arguments.shape = activation_of(input);
    arguments.output_gradient = gradient.const_data_ptr<float>();
    arguments.input = input.const_data_ptr<float>();
    arguments.weight = weight.const_data_ptr<float>();
    arguments.mean = saved[2].const_data_ptr<float>();
    arguments.inverse_deviation = saved[3].const_data_ptr<float>();
    arguments.input_gradient = input_gradient.mutable_data_ptr<float>();
    if (relu_output.defined()) {
      arguments.relu_output = relu_output.const_data_ptr<float>();
      if (writes_residual) arguments.residual_gradient = residual_gradient.mutable_data_ptr<float>();
    }
    arguments.weight_gradient = weight_gradient.mutable_data_ptr<float>();
    arguments.bias_gradient = bias_gradient.mutable_data_ptr<float>();
    over_channels(arguments, kernels::batch_norm_backward);
    return {input_gradient, weight_gradient, bias_gradient, residual_gradient, {}, {}, {}, {}, {}};
  }
};

}  // namespace

bool can_fuse_batch_norm(const at::Tensor& input, const BatchNormState& state) {
  const auto plain = [](const at::Tensor& tensor) {
    return tensor.scalar_type() == at::kFloat && tensor.is_cpu() && tensor.is_contiguous();
  };
  const auto plain_or_none = [&](const at::Tensor& tensor) { return !tensor.defined() || plain(tensor); };
  return input.dim() == 4 && input.numel() > 0 && input.scalar_type() == at::kFloat && input.is_cpu() &&
         (input.is_contiguous() || input.is_contiguous(at::MemoryFormat::ChannelsLast)) && plain(state.weight) &&
         plain(state.bias) && plain_or_none(state.running_mean) && plain_or_none(state.running_variance);
}

at::Tensor train_batch_norm(const at::Tensor& input, const at::Tensor& residual, bool relu,
                            const BatchNormState& state) {
  // autograd takes a tensor that may be missing as an optional one only
  const auto optional = [](const at::Tensor& tensor) {
    return tensor.defined() ? std::optional(tensor) : std::nullopt;
  };
  return TrainBatchNorm::apply(input, state.weight, state.bias, optional(residual), relu, optional(state.running_mean),
                               optional(state.running_variance), state.momentum, state.epsilon);
}

}  // namespace trainyard::models
