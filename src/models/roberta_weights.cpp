#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "core/error.h"
#include "models/roberta.h"
#include "models/weights.h"

namespace trainyard::models {
namespace {

/// The part of a model that tensors of this name belong to, of those that come and go as a whole.
std::string_view head_of(std::string_view name) {
  for (const std::string_view head : {"classifier.", "lm_head."}) {
    if (name.starts_with(head)) return head;
  }
  return {};
}

/// What Hugging Face's files hold and the models here do not use: a pooler that no head here has, constants, and the
/// tied decoder once more.
bool is_unused(std::string_view name) {
  constexpr std::array<std::string_view, 6> kUnused{
      "roberta.pooler.dense.weight",       "roberta.pooler.dense.bias", "roberta.embeddings.position_ids",
      "roberta.embeddings.token_type_ids", "lm_head.decoder.weight",    "lm_head.decoder.bias"};
  return std::ranges::find(kUnused, name) != kUnused.end();
}

}  // namespace

SavedRoberta read_roberta(const std::filesystem::path& weights, const RobertaConfig& sizes) {
  const std::filesystem::path file = weights_file(weights);
  const std::filesystem::path config = file.parent_path() / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(config, ignored)) return {sizes, load_safetensors(file)};
  SavedRoberta read{read_roberta_config(config), load_safetensors(file)};
  std::int64_t elements = 0;
  for (const auto& [name, tensor] : read.tensors)
    elements += tensor.numel();
  if (read.config.encoder_parameters() > elements) {
    throw core::Error(fmt::format("{}: claims a model of {} parameters, {} beside it holds {}", config.string(),
                                  read.config.encoder_parameters(), file.filename().string(), elements));
  }
  return read;
}

std::vector<std::string> assign_roberta(Model& model, const TensorMap& tensors, const std::filesystem::path& origin) {
  const c10::NoGradGuard no_grad;
  TensorMap own = tensors_of(model);
  std::set<std::string_view> heads{""};  // that the file has; it must have the encoder
  std::set<std::string_view> own_heads;
  for (const auto& [name, target] : own)
    own_heads.insert(head_of(name));
  for (const auto& [name, tensor] : tensors) {
    if (is_unused(name)) continue;
    heads.insert(head_of(name));
    if (!own.contains(name) && own_heads.contains(head_of(name))) {
      throw core::Error(fmt::format("{}: the model has no tensor {}", origin.string(), name));
    }
  }
  std::vector<std::string> fresh;
  for (auto& [name, target] : own) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) {
      if (heads.contains(head_of(name))) {
        throw core::Error(fmt::format("{}: tensor {} is missing", origin.string(), name));
      }
      fresh.push_back(name);
      continue;
    }
    if (found->second.sizes() != target.sizes()) {
      throw core::Error(fmt::format("{}: tensor {} has another shape than the model's", origin.string(), name));
    }
    target.copy_(found->second);
  }
  return fresh;
}

}  // namespace trainyard::models
