#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/tokenizer_files.h"

namespace trainyard::data {

/// RoBERTa's tokenizer: byte-level byte-pair encoding (Sennrich et al. 2016, arXiv:1508.07909; Radford et al. 2019), to
/// the ids that Hugging Face's RobertaTokenizer gives. Remembers the pieces it has met: one thread at a time.
class Tokenizer {
 public:
  Tokenizer(Vocabulary vocabulary, Merges merges);
  /// From vocab.json and merges.txt in a folder.
  /// @throws core::UsageError where the folder lacks one, core::Error naming the file and line where it is damaged.
  static Tokenizer read(const std::filesystem::path& folder);

  /// <s>, the text's tokens, </s>; of a longer text the first max_length - 2 tokens. max_length: at least 2. Special
  /// tokens within the text are those tokens, <mask> with the white space before it. Any bytes can be a text.
  std::vector<std::int32_t> encode(std::string_view text, std::int64_t max_length);

  std::int32_t vocabulary() const { return vocabulary_.size; }
  std::int32_t padding() const { return padding_; }

 private:
  /// The special token that comes first in a text, and where; null: none.
  const SpecialToken* find_special(std::string_view text, std::size_t& position) const;
  /// Tokens of a text without special ones, until there are `most` ids.
  void append(std::string_view text, std::size_t most, std::vector<std::int32_t>& ids);
  std::vector<std::int32_t> merge(std::string_view piece) const;

  Vocabulary vocabulary_;
  Merges merges_;
  std::int32_t begin_ = 0;
  std::int32_t padding_ = 0;
  std::int32_t end_ = 0;
  std::unordered_map<std::string, std::vector<std::int32_t>> known_;  ///< pieces
};

}  // namespace trainyard::data
