#include "models/sync_batch_norm.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>
#include <vector>

namespace trainyard::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr at::IntArrayRef::value_type kReduced[] = {0, 2, 3};  // all but the channels

at::Tensor per_channel(const at::Tensor& values) {
  return values.view({1, -1, 1, 1});
}

struct Statistics {
  at::Tensor mean;               ///< [C]
  at::Tensor squared_deviation;  ///< [C], summed over the samples
  at::Tensor count;              ///< scalar, of values a channel; on the device, so that no layer waits for it
};

/// Of all ranks' samples, put together from each rank's own by Chan et al. 1983, whose sums do not cancel.
Statistics over_ranks(const at::Tensor& values, const BatchStatistics& ranks) {
  const std::int64_t channels = values.size(1);
  const std::int64_t own_count = values.numel() / channels;
  const at::Tensor own_mean = own_count > 0 ? values.mean(kReduced) : at::zeros({channels}, values.options());
  const at::Tensor own_deviation = values.sub(per_channel(own_mean)).square().sum(kReduced);
  const at::Tensor own =
      at::cat({own_mean, own_deviation, at::full({1}, static_cast<double>(own_count), values.options())});
  const at::Tensor all = at::empty({ranks.over->size() * own.numel()}, own.options());
  ranks.wait(ranks.over->all_gather(all, own));

  const at::Tensor table = all.view({ranks.over->size(), own.numel()});
  const at::Tensor means = table.narrow(1, 0, channels);
  const at::Tensor counts = table.narrow(1, 2 * channels, 1);
  Statistics result;
  result.count = counts.sum();
  result.mean = means.mul(counts).sum(0).div(result.count);
  result.squared_deviation =
      table.narrow(1, channels, channels).sum(0).add(means.sub(result.mean).square().mul(counts).sum(0));
  return result;
}

class SyncBatchNorm final : public torch::autograd::Function<SyncBatchNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight,
                            const at::Tensor& bias, const Statistics& statistics, double epsilon,
                            const BatchStatistics* ranks) {
    const at::Tensor inverse_deviation = statistics.squared_deviation.div(statistics.count).add(epsilon).rsqrt();
    const at::Tensor normalised =
        input.to(at::kFloat).sub(per_channel(statistics.mean)).mul_(per_channel(inverse_deviation));
    context->save_for_backward({normalised, weight, inverse_deviation, statistics.count});
    context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(ranks);
    return normalised.mul(per_channel(weight)).add_(per_channel(bias)).to(input.scalar_type());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& normalised = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor& inverse_deviation = saved[2];
    const at::Tensor& count = saved[3];
    const auto& ranks = *reinterpret_cast<const BatchStatistics*>(context->saved_data["ranks"].toInt());
    const at::Tensor gradient = gradients[0].to(at::kFloat);
    const at::Tensor bias_gradient = gradient.sum(kReduced);
    const at::Tensor weight_gradient = gradient.mul(normalised).sum(kReduced);

    const at::Tensor sums = at::cat({bias_gradient, weight_gradient});
    ranks.wait(ranks.over->all_reduce(sums, comm::ReduceOp::kSum));
    const std::int64_t channels = weight.numel();
    const at::Tensor mean_gradient = sums.narrow(0, 0, channels).div(count);
    const at::Tensor mean_projection = sums.narrow(0, channels, channels).div(count);
    const at::Tensor input_gradient = gradient.sub(per_channel(mean_gradient))
                                          .sub_(normalised.mul(per_channel(mean_projection)))
                                          .mul_(per_channel(weight.mul(inverse_deviation)));
    return {input_gradient.to(gradients[0].scalar_type()), weight_gradient, bias_gradient, {}, {}, {}};
  }
};

}  // namespace

at::Tensor sync_batch_norm(const at::Tensor& input, const BatchNormState& state, const BatchStatistics& ranks) {
  const Statistics statistics = [&] {
    const c10::NoGradGuard no_grad;
    const Statistics found = over_ranks(input.detach().to(at::kFloat), ranks);
    if (state.running_mean.defined()) {
      const at::Tensor variance =
          found.squared_deviation.div(found.count.sub(1.0));  // unbiased, as at::batch_norm keeps it
      state.running_mean.lerp_(found.mean, state.momentum);
      state.running_variance.lerp_(variance, state.momentum);
    }
    return found;
  }();
  return SyncBatchNorm::apply(input, state.weight, state.bias, statistics, state.epsilon, &ranks);
}

}  // namespace trainyard::models
