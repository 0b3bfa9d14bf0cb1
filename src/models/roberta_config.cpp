#include "models/roberta_config.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/file.h"

namespace trainyard::models {
namespace {

using nlohmann::json;

constexpr std::uint64_t kMaxFile = 1 << 20;
// Far above any published model, and small enough that no product of sizes overflows.
constexpr std::int64_t kMaxVocabulary = 1 << 22;
constexpr std::int64_t kMaxPositions = 1 << 20;
constexpr std::int64_t kMaxWidth = 1 << 17;
constexpr std::int64_t kMaxLayers = 1 << 10;

class Reader {
 public:
  Reader(const std::filesystem::path& file, json values) : file_(file), values_(std::move(values)) {
    if (!values_.is_object()) fail("is not a JSON object");
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw core::Error(fmt::format("{}: {}", file_.string(), what));
  }

  std::int64_t size(const char* key, std::int64_t most) const {
    const auto found = values_.find(key);
    if (found == values_.end()) fail(fmt::format("{} is missing", key));
    if (!found->is_number_integer() || *found < 1 || *found > most) {
      fail(fmt::format("{} is not a whole number from 1 to {}", key, most));
    }
    return found->get<std::int64_t>();
  }

  /// fallback: where the key is missing or null.
  double share(const char* key, double fallback) const {
    const auto found = values_.find(key);
    if (found == values_.end() || found->is_null()) return fallback;
    if (!found->is_number() || !(*found >= 0.0) || !(*found < 1.0))
      fail(fmt::format("{} is not from 0 to below 1", key));
    return found->get<double>();
  }

  /// Refuses a value that means another network than the one built here.
  void expect(const char* key, const json& value, bool required = false) const {
    const auto found = values_.find(key);
    if (found == values_.end() ? required : *found != value) {
      fail(fmt::format("{} is not {}: this is not a RoBERTa that trainyard builds", key, value.dump()));
    }
  }

 private:
  const std::filesystem::path& file_;
  json values_;
};

}  // namespace

std::int64_t RobertaConfig::encoder_parameters() const {
  const std::int64_t norm = 2 * hidden_size;
  const std::int64_t embeddings = (vocab_size + max_position_embeddings + type_vocab_size) * hidden_size + norm;
  const std::int64_t attention = 4 * (hidden_size + 1) * hidden_size + norm;
  const std::int64_t feed_forward =
      (hidden_size + 1) * intermediate_size + (intermediate_size + 1) * hidden_size + norm;
  return embeddings + num_hidden_layers * (attention + feed_forward);
}

RobertaConfig roberta_preset(config::Model model) {
  RobertaConfig config;
  switch (model) {
    case config::Model::kRobertaTiny:
      config.hidden_size = 128;
      config.num_hidden_layers = 2;
      config.num_attention_heads = 2;
      config.intermediate_size = 512;
      return config;
    case config::Model::kRobertaBase:
      return config;
    case config::Model::kRobertaLarge:
      config.hidden_size = 1'024;
      config.num_hidden_layers = 24;
      config.num_attention_heads = 16;
      config.intermediate_size = 4'096;
      return config;
    default:
      throw core::Error("model: not a RoBERTa");
  }
}

RobertaConfig read_roberta_config(const std::filesystem::path& file) {
  const Reader reader(file, json::parse(core::read_file(file, kMaxFile), nullptr, /*allow_exceptions=*/false));
  reader.expect("model_type", "roberta", /*required=*/true);
  reader.expect("hidden_act", "gelu");
  reader.expect("position_embedding_type", "absolute");
  reader.expect("is_decoder", false);
  reader.expect("add_cross_attention", false);
  RobertaConfig config;
  config.vocab_size = reader.size("vocab_size", kMaxVocabulary);
  config.hidden_size = reader.size("hidden_size", kMaxWidth);
  config.num_hidden_layers = reader.size("num_hidden_layers", kMaxLayers);
  config.num_attention_heads = reader.size("num_attention_heads", kMaxWidth);
  config.intermediate_size = reader.size("intermediate_size", kMaxWidth);
  config.max_position_embeddings = reader.size("max_position_embeddings", kMaxPositions);
  config.type_vocab_size = reader.size("type_vocab_size", kMaxWidth);
  config.pad_token_id = reader.size("pad_token_id", kMaxVocabulary);
  config.layer_norm_eps = reader.share("layer_norm_eps", config.layer_norm_eps);
  config.hidden_dropout_prob = reader.share("hidden_dropout_prob", config.hidden_dropout_prob);
  config.attention_probs_dropout_prob =
      reader.share("attention_probs_dropout_prob", config.attention_probs_dropout_prob);
  config.classifier_dropout = reader.share("classifier_dropout", config.hidden_dropout_prob);
  config.initializer_range = reader.share("initializer_range", config.initializer_range);
  if (config.hidden_size % config.num_attention_heads != 0) {
    reader.fail(fmt::format("num_attention_heads = {} does not divide hidden_size = {}", config.num_attention_heads,
                            config.hidden_size));
  }
  if (config.pad_token_id >= config.vocab_size || config.longest() < 1) {
    reader.fail(fmt::format("pad_token_id = {} leaves no token or no position", config.pad_token_id));
  }
  return config;
}

}  // namespace trainyard::models
