#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "models/model.h"
#include "models/roberta_config.h"
#include "models/safetensors.h"

namespace trainyard::models {

/// What stands on top of the encoder.
struct RobertaHead {
  enum class Kind {
    kClassifier,      ///< of whole sequences, from the first token: [N, L] -> [N, classes]
    kMaskedLanguage,  ///< which token stands at each place: [N, L] -> [N, L, vocab_size]
  };
  Kind kind = Kind::kClassifier;
  std::int64_t classes = 2;  ///< kClassifier
};

/// A RoBERTa as Hugging Face's RobertaForSequenceClassification or RobertaForMaskedLM: the same parameter names, exact
/// GELU, layer norm behind each residual sum, positions and attention mask from the padding id. Stages: embeddings, one
/// an encoder layer ("layer.0", ...; `activation-checkpointing = stage` takes three together), head. Initial values are
/// a function of seed.
///
/// The decoder of a masked-language head is the table of word embeddings (tied, so it has no tensor of its own). That
/// ties its first stage to its last: such a model cannot be cut between devices.
///
/// length: of the longest sequences to come, from 1 to config.longest().
std::unique_ptr<Model> build_roberta(const RobertaConfig& config, RobertaHead head, std::int64_t length,
                                     std::uint64_t seed);

/// A RoBERTa as Hugging Face's save_pretrained or a run of ours leaves it.
struct SavedRoberta {
  RobertaConfig config;
  TensorMap tensors;
};

/// Reads a safetensors file, or the model.safetensors in a folder, and the config.json beside it. sizes: where there is
/// no config.json, as runs of ours leave none.
/// @throws core::UsageError where there is no such file; core::Error naming the file that is damaged, or config.json
///   where it claims a larger model than the tensors make.
SavedRoberta read_roberta(const std::filesystem::path& weights, const RobertaConfig& sizes);

/// Copies values into a model of the same sizes. A head that the tensors lack altogether keeps its initial values, one
/// that the model lacks is passed by, so that a pretrained encoder loads into a new classifier. Returns the names of
/// the parameters that kept their initial values.
/// @throws core::Error naming the first tensor that is missing otherwise, or has another shape.
std::vector<std::string> assign_roberta(Model& model, const TensorMap& tensors, const std::filesystem::path& origin);

}  // namespace trainyard::models
