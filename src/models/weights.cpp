#include "models/weights.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/safetensors.h"

namespace trainyard::models {

std::filesystem::path weights_file(const std::filesystem::path& weights) {
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(weights, ignored);
  std::filesystem::path file = folder ? weights / "model.safetensors" : weights;
  if (!std::filesystem::exists(file, ignored)) {
    throw core::UsageError(fmt::format("weights = {}: there is no file {}", weights.string(), file.string()));
  }
  return file;
}

void load_weights(Model& model, const std::filesystem::path& weights) {
  const std::filesystem::path file = weights_file(weights);
  assign(model, load_safetensors(file), file);
}

}  // namespace trainyard::models
