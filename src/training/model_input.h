#pragma once

#include "data/dataset.h"
#include "models/input_shape.h"

namespace trainyard::training {

/// What a model must take to be trained on a data set.
models::InputShape model_input(const data::Dataset& dataset);

/// The same for one sample as they are on average: texts of their mean length.
models::InputShape mean_sample(const data::Dataset& dataset);

}  // namespace trainyard::training
