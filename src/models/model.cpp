#include "models/model.h"

#include <c10/core/GradMode.h>

#include <cstddef>

#include "models/autocast.h"
#include "models/recompute.h"

namespace trainyard::models {

at::Tensor Model::forward(const at::Tensor& input, Pass pass, Range stages) const {
  const bool recomputed =
      recompute_ != config::Checkpointing::kNone && pass == Pass::kTrain && c10::GradMode::is_enabled();
  if (!recomputed) return run(input, pass, stages);
  at::Tensor activation = input;
  for (std::size_t begin = stages.begin; begin < stages.end;) {
    const Range segment{begin, segment_end(begin, stages.end)};
    activation = forward_recomputed(activation, [this, segment, pass](const at::Tensor& own, Pass::Mode mode) {
      return run(own, pass.in(mode), segment);
    });
    begin = segment.end;
  }
  return activation;
}

std::size_t Model::segment_end(std::size_t begin, std::size_t limit) const {
  std::size_t end = begin + 1;
  if (recompute_ == config::Checkpointing::kBlock) return end;
  while (end < limit && stages_[end].group == stages_[begin].group)
    ++end;
  return end;
}

at::Tensor Model::run(const at::Tensor& input, Pass pass, Range stages) const {
  std::optional<Autocast> autocast;
  if (autocast_) autocast.emplace(input.device().type(), *autocast_);
  at::Tensor activation = input;
  for (std::size_t index = stages.begin; index < stages.end; ++index)
    activation = stages_[index].stage->forward(activation, pass);
  return activation;
}

std::int64_t Model::parameter_count() const {
  std::int64_t count = 0;
  for (const Parameter& parameter : registry_.parameters)
    count += parameter.tensor.numel();
  return count;
}

void Model::to(at::Device device) {
  const auto move = [&](const auto& entry) { entry.tensor.set_data(entry.tensor.to(device)); };
  for (const auto& entry : registry_.parameters)
    move(entry);
  for (const auto& entry : registry_.buffers)
    move(entry);
}

Model Model::take(std::span<const Range> taken) {
  TensorRegistry registry;
  std::vector<StageEntry> stages;
  const auto move_over = [](auto& from, Range range, auto& to) {
    const Range moved{to.size(), to.size() + range.size()};
    for (std::size_t i = range.begin; i < range.end; ++i)
      to.push_back(std::move(from[i]));
    return moved;
  };
  for (const Range& range : taken) {
    for (std::size_t i = range.begin; i < range.end; ++i) {
      StageEntry& entry = stages_[i];
      entry.parameters = move_over(registry_.parameters, entry.parameters, registry.parameters);
      entry.buffers = move_over(registry_.buffers, entry.buffers, registry.buffers);
      stages.push_back(std::move(entry));
    }
  }
  registry.statistics = registry_.statistics;
  Model part(std::move(registry), std::move(stages), origin_);
  part.recompute_ = recompute_;
  part.autocast_ = autocast_;
  return part;
}

}  // namespace trainyard::models
