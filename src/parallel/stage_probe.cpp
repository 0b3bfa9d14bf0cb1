#include "parallel/stage_probe.h"

#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <limits>

#include "precision/policy.h"
#include "timing/stream_clock.h"

namespace trainyard::parallel {
namespace {

constexpr int kRuns = 3;  // the first one is not counted

void drop_gradients(models::Model& model, const at::Tensor& input) {
  for (const models::Parameter& parameter : model.parameters())
    parameter.tensor.mutable_grad().reset();
  input.mutable_grad().reset();
}

std::vector<at::Tensor> copies_of_buffers(const models::Model& model) {
  std::vector<at::Tensor> copies;
  for (const models::NamedTensor& buffer : model.buffers())
    copies.push_back(buffer.tensor.clone());
  return copies;
}

}  // namespace

std::vector<StageProbe> probe_stages(models::Model& model, const config::RunConfig& config, std::int64_t samples,
                                     at::Device device) {
  const precision::Policy policy = precision::Policy::make(config.precision, device);
  policy.prepare(model);
  const std::vector<at::Tensor> buffers = copies_of_buffers(model);  // training passes move batch statistics
  const std::unique_ptr<timing::StreamClock> clock = timing::make_stream_clock(device);
  constexpr double kNever = std::numeric_limits<double>::infinity();
  std::vector<StageProbe> probes(model.stages().size(), {kNever, kNever, {}});
  at::Tensor input = policy.as_input(models::random_input(model.input(), samples, config.memory_format).to(device));
  const models::Pass pass = models::Pass(models::Pass::kTrain).over(input);
  for (std::size_t stage = 0; stage < probes.size(); ++stage) {
    StageProbe& probe = probes[stage];
    input.set_requires_grad(stage > 0);
    at::Tensor output;
    for (int run = 0; run < kRuns; ++run) {
      const timing::Mark begin = clock->mark();
      output = model.forward(input, pass, {stage, stage + 1});
      const timing::Mark middle = clock->mark();
      torch::autograd::backward({output}, {at::ones_like(output)});
      const timing::Mark end = clock->mark();
      drop_gradients(model, input);
      clock->wait(end);
      if (run == 0) continue;
      probe.forward_ns = std::min(probe.forward_ns, static_cast<double>(clock->interval_ns(begin, middle)));
      probe.backward_ns = std::min(probe.backward_ns, static_cast<double>(clock->interval_ns(middle, end)));
    }
    input = output.detach();
    probe.output = at::empty_like(input, input.options().device(at::kMeta));
  }
  const c10::NoGradGuard no_grad;
  for (std::size_t i = 0; i < buffers.size(); ++i)
    model.buffers()[i].tensor.copy_(buffers[i]);
  return probes;
}

}  // namespace trainyard::parallel
