#include "models/model.h"

#include "models/resnet.h"

namespace trainyard::models {

at::Tensor Model::forward(const at::Tensor& images, bool training) const {
  at::Tensor activation = images;
  for (const auto& stage : stages_)
    activation = stage->forward(activation, training);
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

std::unique_ptr<Model> build(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed) {
  return build_resnet(model, images, classes, seed);
}

}  // namespace trainyard::models
