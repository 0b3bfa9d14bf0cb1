#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace trainyard::data {

/// A token that stands for itself wherever it is in a text.
struct SpecialToken {
  std::string text;
  std::int32_t id = 0;
};

/// What vocab.json says.
struct Vocabulary {
  std::int32_t size = 0;                              ///< ids are below it
  std::unordered_map<std::string, std::int32_t> ids;  ///< by the bytes that a token stands for
  std::array<std::int32_t, 256> bytes{};              ///< the token of each single byte
  std::vector<SpecialToken> special;                  ///< those that are there of <s>, <pad>, </s>, <unk>, <mask>
};

/// What two neighbouring tokens become.
struct Merge {
  std::int32_t rank = 0;  ///< smaller ones come first
  std::int32_t id = 0;
};

/// By first << 32 | second.
using Merges = std::unordered_map<std::uint64_t, Merge>;

constexpr std::uint64_t merge_key(std::int32_t first, std::int32_t second) {
  return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint32_t>(second);
}

/// Reads the text of a vocab.json, an object of ids by token, in which each byte of a token is one of the 256
/// characters of GPT-2's alphabet (openai/gpt-2, encoder.py, bytes_to_unicode). file: for messages.
/// @throws core::Error naming the file and the token where it is anything else, or where a byte or <s>, <pad> or </s>
/// has
///   no token.
Vocabulary parse_vocabulary(std::string_view json, const std::string& file);

/// Reads the text of a merges.txt: two tokens a line, the most important first; a first line of "#version" is passed
/// by.
/// @throws core::Error naming the file and the line.
Merges parse_merges(std::string_view text, const Vocabulary& vocabulary, const std::string& file);

}  // namespace trainyard::data
