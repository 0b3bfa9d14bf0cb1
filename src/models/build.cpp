#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <variant>
#include <vector>

#include "config/enum_names.h"
#include "core/error.h"
#include "core/logging.h"
#include "models/model.h"
#include "models/resnet.h"
#include "models/roberta.h"
#include "models/weights.h"

namespace trainyard::models {
namespace {

void require_fit(const config::RunConfig& config, const RobertaConfig& sizes, const TokenShape& tokens) {
  if (tokens.vocabulary > sizes.vocab_size || tokens.padding != sizes.pad_token_id) {
    throw core::UsageError(fmt::format(
        "tokenizer: its {} tokens, of which {} is the padding, are not those of {}: {}, of which {} is the padding",
        tokens.vocabulary, tokens.padding, config::name_of(config.model), sizes.vocab_size, sizes.pad_token_id));
  }
  if (tokens.length > sizes.longest()) {
    throw core::UsageError(fmt::format("max-length = {} is more than the {} tokens that {} takes", tokens.length,
                                       sizes.longest(), config::name_of(config.model)));
  }
}

std::unique_ptr<Model> build_text(const config::RunConfig& config, const TokenShape& tokens, std::int64_t classes) {
  const RobertaHead head{.kind = RobertaHead::Kind::kClassifier, .classes = classes};
  const RobertaConfig sizes = roberta_preset(config.model);
  const bool pretrained = !config.weights.empty();
  const SavedRoberta saved = pretrained ? read_roberta(config.weights, sizes) : SavedRoberta{sizes, {}};
  require_fit(config, saved.config, tokens);
  auto model = build_roberta(saved.config, head, tokens.length, config.seed);
  if (!pretrained) return model;
  const std::vector<std::string> fresh = assign_roberta(*model, saved.tensors, config.weights);
  if (!fresh.empty()) {
    core::log_info(
        fmt::format("weights = {}: it has no {}: random ones are taken", config.weights, fmt::join(fresh, ", ")));
  }
  return model;
}

}  // namespace

std::unique_ptr<Model> build(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed) {
  return build_resnet(model, images, classes, seed);
}

std::unique_ptr<Model> build(const config::RunConfig& config, const InputShape& input, std::int64_t classes) {
  if (const auto* tokens = std::get_if<TokenShape>(&input)) return build_text(config, *tokens, classes);
  auto model = build(config.model, std::get<ImageShape>(input), classes, config.seed);
  if (!config.weights.empty()) load_weights(*model, config.weights);
  return model;
}

}  // namespace trainyard::models
