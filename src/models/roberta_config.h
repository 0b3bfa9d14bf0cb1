#pragma once

#include <cstdint>
#include <filesystem>

#include "config/run_config.h"

namespace trainyard::models {

/// The sizes of a RoBERTa (Liu et al. 2019, arXiv:1907.11692), by their names in Hugging Face's config.json. The
/// defaults are those of roberta-base.
struct RobertaConfig {
  std::int64_t vocab_size = 50'265;
  std::int64_t hidden_size = 768;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3'072;
  std::int64_t max_position_embeddings = 514;  ///< positions are counted from pad_token_id + 1 on
  std::int64_t type_vocab_size = 1;
  std::int64_t pad_token_id = 1;
  double layer_norm_eps = 1e-5;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  double classifier_dropout = 0.1;
  double initializer_range = 0.02;  ///< standard deviation of initial weights

  /// Tokens of the longest sequence.
  std::int64_t longest() const { return max_position_embeddings - pad_token_id - 1; }
  /// Elements of embeddings and encoder, without a head.
  std::int64_t encoder_parameters() const;
};

/// roberta-base and roberta-large as published (table 9 of the paper; the config.json of FacebookAI/roberta-base and
/// roberta-large), roberta-tiny with the layers of BERT-tiny (Turc et al. 2019, arXiv:1908.08962: 2 layers of 128, 2
/// heads) and RoBERTa's vocabulary.
/// @throws core::Error for a model that is no RoBERTa.
RobertaConfig roberta_preset(config::Model model);

/// Reads a Hugging Face config.json.
/// @throws core::Error naming the file and key where it is no RoBERTa that is built here, or a size is missing, absurd
///   or does not go with another.
RobertaConfig read_roberta_config(const std::filesystem::path& file);

}  // namespace trainyard::models
