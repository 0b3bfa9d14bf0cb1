#pragma once

#include <filesystem>

#include "models/model.h"

namespace trainyard::models {

/// The file that `weights` names: itself, or the `model.safetensors` in a folder.
/// @throws core::UsageError where there is none.
std::filesystem::path weights_file(const std::filesystem::path& weights);

/// Gives a model the values of a safetensors file, or of the `model.safetensors` in a folder, converting types.
/// @throws core::UsageError where there is no such file; core::Error naming file and tensor where it is damaged or is
///         another model's.
void load_weights(Model& model, const std::filesystem::path& weights);

}  // namespace trainyard::models
