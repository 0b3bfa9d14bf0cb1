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

}  // namespace trainyard::training
