#include "training/model_input.h"

namespace trainyard::training {

models::InputShape model_input(const data::Dataset& dataset) {
  if (const auto* tokens = dynamic_cast<const data::TokenDataset*>(&dataset)) {
    const data::TokenInfo& info = tokens->info();
    return models::TokenShape{info.max_length, info.vocabulary, info.padding};
  }
  const data::ImageShape& shape = dynamic_cast<const data::ImageDataset&>(dataset).shape();
  return models::ImageShape{shape.channels, shape.height, shape.width};
}

models::InputShape mean_sample(const data::Dataset& dataset) {
  models::InputShape shape = model_input(dataset);
  const auto* tokens = dynamic_cast<const data::TokenDataset*>(&dataset);
  if (tokens == nullptr || tokens->size() == 0) return shape;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < tokens->size(); ++i)
    sum += tokens->length(i);
  std::get<models::TokenShape>(shape).length = (sum + tokens->size() / 2) / tokens->size();
  return shape;
}

}  // namespace trainyard::training
