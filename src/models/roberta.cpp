#include "models/roberta.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include "core/error.h"
#include "models/flops.h"
#include "models/half_rounding.h"
#include "models/transformer_layers.h"

namespace trainyard::models {
namespace {

/// Encoder layers that `activation-checkpointing = stage` recomputes together.
constexpr std::int64_t kLayersPerGroup = 3;

/// The places of tokens that are none of the padding: bool, of the tokens' shape.
at::Tensor real_tokens(const at::Tensor& tokens, std::int64_t padding) {
  return tokens.ne(padding);
}

class Embeddings final : public Stage {
 public:
  Embeddings(Builder& builder, const RobertaConfig& config, const std::string& name)
      : config_(config),
        words_(builder, name + ".word_embeddings", {config.vocab_size, config.hidden_size, config.pad_token_id},
               config.initializer_range),
        positions_(builder, name + ".position_embeddings",
                   {config.max_position_embeddings, config.hidden_size, config.pad_token_id}, config.initializer_range),
        types_(builder, name + ".token_type_embeddings", {config.type_vocab_size, config.hidden_size},
               config.initializer_range),
        norm_(builder, name + ".LayerNorm", config.hidden_size, config.layer_norm_eps) {}

  at::Tensor forward(const at::Tensor& tokens, Pass pass) override {
    Dropout dropout(pass, 0, tokens.device());
    const at::Tensor sum =
        words_.forward(tokens).add_(types_.weight().select(0, 0)).add_(positions_.forward(positions(tokens)));
    return dropout.apply(norm_.forward(sum), config_.hidden_dropout_prob);
  }

  const at::Tensor& word_embeddings() const { return words_.weight(); }

 private:
  /// Real tokens are counted from pad_token_id + 1 on, padding is at pad_token_id.
  at::Tensor positions(const at::Tensor& tokens) const {
    const at::Tensor real = real_tokens(tokens, config_.pad_token_id).to(at::kLong);
    return real.cumsum(1).mul_(real).add_(config_.pad_token_id);
  }

  RobertaConfig config_;
  Embedding words_;
  Embedding positions_;
  Embedding types_;
  LayerNorm norm_;
};

class SelfAttention {
 public:
  SelfAttention(Builder& builder, const RobertaConfig& config, const std::string& name)
      : config_(config),
        query_(projection(builder, name + ".query")),
        key_(projection(builder, name + ".key")),
        value_(projection(builder, name + ".value")) {}

  at::Tensor forward(const at::Tensor& hidden, const at::Tensor& attended, Dropout& dropout) const {
    const auto by_head = [&](const at::Tensor& projected) {
      return projected.unflatten(-1, {config_.num_attention_heads, -1}).transpose(1, 2);
    };
    return attention(by_head(query_.forward(hidden)), by_head(key_.forward(hidden)), by_head(value_.forward(hidden)),
                     attended, config_.attention_probs_dropout_prob, dropout)
        .transpose(1, 2)
        .flatten(2);
  }

 private:
  Linear projection(Builder& builder, const std::string& name) const {
    return {builder, name, config_.hidden_size, config_.hidden_size, config_.initializer_range};
  }

  RobertaConfig config_;
  Linear query_;
  Linear key_;
  Linear value_;
};

/// A linear layer, dropout, the sum with the residual, layer norm.
class ResidualOutput {
 public:
  ResidualOutput(Builder& builder, const RobertaConfig& config, const std::string& name, std::int64_t in)
      : dense_(builder, name + ".dense", in, config.hidden_size, config.initializer_range),
        norm_(builder, name + ".LayerNorm", config.hidden_size, config.layer_norm_eps),
        p_(config.hidden_dropout_prob) {}

  at::Tensor forward(const at::Tensor& input, const at::Tensor& residual, Dropout& dropout) const {
    return norm_.forward(dropout.apply(dense_.forward(input), p_).add(residual));
  }

 private:
  Linear dense_;
  LayerNorm norm_;
  double p_;
};

class EncoderLayer final : public Stage {
 public:
  EncoderLayer(Builder& builder, const RobertaConfig& config, const std::string& name, std::uint64_t number)
      : padding_(config.pad_token_id),
        number_(number),
        attention_(builder, config, name + ".attention.self"),
        attended_(builder, config, name + ".attention.output", config.hidden_size),
        intermediate_(builder, name + ".intermediate.dense", config.hidden_size, config.intermediate_size,
                      config.initializer_range),
        output_(builder, config, name + ".output", config.intermediate_size) {}

  at::Tensor forward(const at::Tensor& hidden, Pass pass) override {
    Dropout dropout(pass, number_, hidden.device());
    const at::Tensor attended = real_tokens(pass.tokens, padding_).unsqueeze(1).unsqueeze(1);
    const at::Tensor middle = attended_.forward(attention_.forward(hidden, attended, dropout), hidden, dropout);
    return output_.forward(at::gelu(intermediate_.forward(middle)), middle, dropout);
  }

 private:
  std::int64_t padding_;
  std::uint64_t number_;
  SelfAttention attention_;
  ResidualOutput attended_;
  Linear intermediate_;
  ResidualOutput output_;
};

class Classifier final : public Stage {
 public:
  Classifier(Builder& builder, const RobertaConfig& config, std::int64_t classes, std::uint64_t number)
      : p_(config.classifier_dropout),
        number_(number),
        dense_(builder, "classifier.dense", config.hidden_size, config.hidden_size, config.initializer_range),
        out_proj_(builder, "classifier.out_proj", config.hidden_size, classes, config.initializer_range) {}

  at::Tensor forward(const at::Tensor& hidden, Pass pass) override {
    Dropout dropout(pass, number_, hidden.device());
    const at::Tensor first = dropout.apply(hidden.select(1, 0), p_);
    return out_proj_.forward(dropout.apply(dense_.forward(first).tanh(), p_));
  }

 private:
  double p_;
  std::uint64_t number_;
  Linear dense_;
  Linear out_proj_;
};

class MaskedLanguageHead final : public Stage {
 public:
  MaskedLanguageHead(Builder& builder, const RobertaConfig& config, at::Tensor word_embeddings)
      : dense_(builder, "lm_head.dense", config.hidden_size, config.hidden_size, config.initializer_range),
        norm_(builder, "lm_head.layer_norm", config.hidden_size, config.layer_norm_eps),
        decoder_(std::move(word_embeddings)),
        bias_(builder.parameter("lm_head.bias", at::zeros({config.vocab_size}, at::kFloat))) {}

  at::Tensor forward(const at::Tensor& hidden, Pass /*pass*/) override {
    const at::Tensor features = norm_.forward(at::gelu(dense_.forward(hidden)));
    count_product(features, features.numel() * decoder_.size(0));
    return round_as(at::linear(widen(features), widen(decoder_), widen(bias_)), features);
  }

 private:
  Linear dense_;
  LayerNorm norm_;
  at::Tensor decoder_;
  at::Tensor bias_;
};

}  // namespace

std::unique_ptr<Model> build_roberta(const RobertaConfig& config, RobertaHead head, std::int64_t length,
                                     std::uint64_t seed) {
  TensorRegistry registry;
  Builder builder{registry, at::detail::createCPUGenerator(seed)};
  StageList stages(registry);
  stages.begin_group("embeddings");
  stages.add<Embeddings>("embeddings", builder, config, "roberta.embeddings");
  const at::Tensor word_embeddings = registry.parameters.front().tensor;
  for (std::int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    stages.begin_group(fmt::format("layers{}", layer / kLayersPerGroup));
    stages.add<EncoderLayer>(fmt::format("layer.{}", layer), builder, config,
                             fmt::format("roberta.encoder.layer.{}", layer), static_cast<std::uint64_t>(layer + 1));
  }
  stages.begin_group("head");
  if (head.kind == RobertaHead::Kind::kClassifier) {
    stages.add<Classifier>("head", builder, config, head.classes,
                           static_cast<std::uint64_t>(config.num_hidden_layers + 1));
  } else {
    stages.add<MaskedLanguageHead>("head", builder, config, word_embeddings);
  }
  const TokenShape input{length, config.vocab_size, config.pad_token_id};
  return std::make_unique<Model>(std::move(registry), stages.take(),
                                 ModelOrigin{input, [=] { return build_roberta(config, head, length, seed); }});
}

}  // namespace trainyard::models
