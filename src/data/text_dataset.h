#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/labelled_text.h"
#include "data/tokenizer.h"

namespace trainyard::data {

/// Texts as the tokens they were turned into when the set was made.
class TextDataset final : public TokenDataset {
 public:
  /// name: the value of the `data` key. Texts of more than max_length tokens are cut off.
  TextDataset(std::string name, std::int64_t classes, std::span<const LabelledText> texts, Tokenizer& tokenizer,
              std::int64_t max_length);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::int64_t length(std::int64_t index) const override { return ends_[number(index) + 1] - ends_[number(index)]; }
  void write_tokens(std::int64_t index, std::int64_t* out) const override;

 private:
  static std::size_t number(std::int64_t index) { return static_cast<std::size_t>(index); }

  std::vector<std::int32_t> tokens_;  ///< of all texts, one behind the other
  std::vector<std::int64_t> ends_;    ///< in tokens_: text i is from ends_[i] to ends_[i + 1]
  std::vector<std::int64_t> labels_;
};

}  // namespace trainyard::data
