#include "models/model.h"

#include <cstddef>

#include "models/resnet.h"

namespace trainyard::models {

at::Tensor Model::forward(const at::Tensor& input, Pass pass, Range stages) const {
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
  return Model(std::move(registry), std::move(stages), origin_);
}

std::unique_ptr<Model> build(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed) {
  return build_resnet(model, images, classes, seed);
}

}  // namespace trainyard::models
