#include "data/tokenizer_files.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::data {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxVocabulary = 1 << 22;
constexpr std::array<std::string_view, 5> kSpecial{"<s>", "<pad>", "</s>", "<unk>", "<mask>"};
constexpr std::array<std::string_view, 3> kRequired{"<s>", "<pad>", "</s>"};

/// GPT-2's alphabet: bytes that print stand for themselves, the others for the characters from 256 on, in their order.
class Alphabet {
 public:
  Alphabet() {
    bytes_.fill(-1);
    std::int16_t other = 256;
    for (std::int16_t byte = 0; byte < 256; ++byte) {
      const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
      bytes_[static_cast<std::size_t>(prints ? byte : other++)] = byte;
    }
  }

  /// What a token stands for; none where it has other characters.
  std::optional<std::string> decode(std::string_view token) const {
    std::string decoded;
    while (!token.empty()) {
      std::int32_t code = -1;
      const utf8proc_ssize_t length =
          utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(token.data()),
                           static_cast<utf8proc_ssize_t>(std::min<std::size_t>(token.size(), 4)), &code);
      if (length <= 0 || code < 0 || code >= static_cast<std::int32_t>(bytes_.size())) return std::nullopt;
      const std::int16_t byte = bytes_[static_cast<std::size_t>(code)];
      if (byte < 0) return std::nullopt;
      decoded.push_back(static_cast<char>(byte));
      token.remove_prefix(static_cast<std::size_t>(length));
    }
    return decoded;
  }

 private:
  std::array<std::int16_t, 256 + 68> bytes_{};  ///< by character; 68 bytes do not print
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

[[noreturn]] void fail(const std::string& file, std::string_view what) {
  throw core::Error(fmt::format("{}: {}", file, what));
}

/// A token as a message can show it.
std::string shown(std::string_view token) {
  return core::one_line(core::truncate_utf8(token, 40));
}

}  // namespace

Vocabulary parse_vocabulary(std::string_view text, const std::string& file) {
  const json tokens = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!tokens.is_object()) fail(file, "is not a JSON object of ids by token");
  if (tokens.size() > kMaxVocabulary) fail(file, fmt::format("has more than {} tokens", kMaxVocabulary));
  Vocabulary vocabulary;
  std::vector<bool> taken;
  for (const auto& [token, value] : tokens.items()) {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= kMaxVocabulary) {
      fail(file, fmt::format("the id of token '{}' is not a number below {}", shown(token), kMaxVocabulary));
    }
    const auto id = value.get<std::int32_t>();
    vocabulary.size = std::max(vocabulary.size, id + 1);
    taken.resize(static_cast<std::size_t>(vocabulary.size));
    if (taken[static_cast<std::size_t>(id)]) {
      fail(file, fmt::format("id {} of token '{}' has another token, too", id, shown(token)));
    }
    taken[static_cast<std::size_t>(id)] = true;
    if (std::ranges::find(kSpecial, token) != kSpecial.end()) {
      vocabulary.special.push_back({token, id});
      continue;
    }
    const std::optional<std::string> bytes = alphabet().decode(token);
    if (!bytes || bytes->empty()) {
      fail(file, fmt::format("token '{}' is not written in the alphabet of byte-level BPE", shown(token)));
    }
    vocabulary.ids.emplace(*bytes, id);
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto found = vocabulary.ids.find(std::string(1, static_cast<char>(byte)));
    if (found == vocabulary.ids.end()) fail(file, fmt::format("byte {:#04x} has no token", byte));
    vocabulary.bytes[byte] = found->second;
  }
  for (const std::string_view required : kRequired) {
    if (std::ranges::find(vocabulary.special, required, &SpecialToken::text) == vocabulary.special.end()) {
      fail(file, fmt::format("token {} is missing", required));
    }
  }
  return vocabulary;
}

Merges parse_merges(std::string_view text, const Vocabulary& vocabulary, const std::string& file) {
  Merges merges;
  std::size_t line_number = 0;
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (line_number == 1 && line.starts_with("#version"))) continue;
    const auto bad = [&](std::string_view what) { fail(file, fmt::format("line {}: {}", line_number, what)); };
    const std::vector<std::string_view> pair = core::split(line, ' ');
    if (pair.size() != 2) bad("is not two tokens with a blank between them");
    const auto first = alphabet().decode(pair[0]);
    const auto second = alphabet().decode(pair[1]);
    if (!first || !second) bad("is not written in the alphabet of byte-level BPE");
    const auto id_of = [&](const std::string& token, std::string_view spelling) {
      const auto found = vocabulary.ids.find(token);
      if (found == vocabulary.ids.end()) bad(fmt::format("the vocabulary has no token '{}'", shown(spelling)));
      return found->second;
    };
    const std::uint64_t key = merge_key(id_of(*first, pair[0]), id_of(*second, pair[1]));
    const Merge merge{static_cast<std::int32_t>(merges.size()),
                      id_of(*first + *second, std::string(pair[0]).append(pair[1]))};
    if (!merges.emplace(key, merge).second) bad("merges two tokens that an earlier line merges");
  }
  return merges;
}

}  // namespace trainyard::data
