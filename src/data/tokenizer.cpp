#include "data/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/text_pieces.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

/// Bytes of a piece, and number of pieces, that are worth remembering.
constexpr std::size_t kMaxKnownPiece = 64;
constexpr std::size_t kMaxKnown = 1 << 18;

std::string read(const fs::path& folder, const char* name) {
  std::error_code ignored;
  if (!fs::exists(folder / name, ignored)) {
    throw core::UsageError(fmt::format("tokenizer = {}: the folder has no {}; give one with vocab.json and merges.txt",
                                       folder.string(), name));
  }
  return core::read_file(folder / name);
}

/// Two neighbours in a piece that can be merged.
struct Candidate {
  std::int32_t rank;
  std::size_t first;  ///< number of the left one
  std::size_t second;
  std::int32_t id;
  std::int32_t first_id;  ///< as it was found: it may have changed since
  std::int32_t second_id;

  /// The smallest rank first, and of equals the leftmost.
  bool operator>(const Candidate& other) const { return std::pair(rank, first) > std::pair(other.rank, other.first); }
};

struct Symbol {
  std::int32_t id;
  std::size_t previous;
  std::size_t next;
};

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
constexpr std::int32_t kGone = -1;

}  // namespace

Tokenizer::Tokenizer(Vocabulary vocabulary, Merges merges)
    : vocabulary_(std::move(vocabulary)), merges_(std::move(merges)) {
  const auto id_of = [&](std::string_view token) {
    return std::ranges::find(vocabulary_.special, token, &SpecialToken::text)->id;
  };
  begin_ = id_of("<s>");
  padding_ = id_of("<pad>");
  end_ = id_of("</s>");
}

Tokenizer Tokenizer::read(const fs::path& folder) {
  Vocabulary vocabulary = parse_vocabulary(data::read(folder, "vocab.json"), (folder / "vocab.json").string());
  Merges merges = parse_merges(data::read(folder, "merges.txt"), vocabulary, (folder / "merges.txt").string());
  return {std::move(vocabulary), std::move(merges)};
}

std::vector<std::int32_t> Tokenizer::encode(std::string_view text, std::int64_t max_length) {
  const auto most = static_cast<std::size_t>(max_length) - 1;  // <s> included, </s> not
  std::vector<std::int32_t> ids{begin_};
  while (!text.empty() && ids.size() < most) {
    std::size_t position = 0;
    const SpecialToken* special = find_special(text, position);
    std::string_view before = text.substr(0, position);
    if (special == nullptr) {
      append(text, most, ids);
      break;
    }
    if (special->text == "<mask>") {
      while (!before.empty() && core::trim(before.substr(before.size() - 1)).empty())
        before.remove_suffix(1);
    }
    append(before, most, ids);
    ids.push_back(special->id);
    text.remove_prefix(position + special->text.size());
  }
  ids.resize(std::min(ids.size(), most));
  ids.push_back(end_);
  return ids;
}

const SpecialToken* Tokenizer::find_special(std::string_view text, std::size_t& position) const {
  for (position = text.find('<'); position != std::string_view::npos; position = text.find('<', position + 1)) {
    const auto found = std::ranges::find_if(
        vocabulary_.special, [&](const SpecialToken& token) { return text.substr(position).starts_with(token.text); });
    if (found != vocabulary_.special.end()) return &*found;
  }
  return nullptr;
}

void Tokenizer::append(std::string_view text, std::size_t most, std::vector<std::int32_t>& ids) {
  while (!text.empty() && ids.size() < most) {
    const std::string_view piece = take_piece(text);
    if (piece.size() > kMaxKnownPiece) {
      const std::vector<std::int32_t> own = merge(piece);
      ids.insert(ids.end(), own.begin(), own.end());
      continue;
    }
    if (known_.size() > kMaxKnown) known_.clear();
    const auto [found, is_new] = known_.try_emplace(std::string(piece));
    if (is_new) found->second = merge(piece);
    ids.insert(ids.end(), found->second.begin(), found->second.end());
  }
}

std::vector<std::int32_t> Tokenizer::merge(std::string_view piece) const {
  std::vector<Symbol> symbols;
  symbols.reserve(piece.size());
  for (std::size_t i = 0; i < piece.size(); ++i) {
    symbols.push_back({vocabulary_.bytes[static_cast<unsigned char>(piece[i])], i == 0 ? kNone : i - 1,
                       i + 1 == piece.size() ? kNone : i + 1});
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> candidates;
  const auto consider = [&](std::size_t first, std::size_t second) {
    if (first == kNone || second == kNone) return;
    const auto found = merges_.find(merge_key(symbols[first].id, symbols[second].id));
    if (found == merges_.end()) return;
    candidates.push({found->second.rank, first, second, found->second.id, symbols[first].id, symbols[second].id});
  };
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
    consider(i, i + 1);
  while (!candidates.empty()) {
    const Candidate best = candidates.top();
    candidates.pop();
    Symbol& first = symbols[best.first];
    Symbol& second = symbols[best.second];
    if (first.id != best.first_id || second.id != best.second_id || first.next != best.second) continue;
    first.id = best.id;
    first.next = second.next;
    if (second.next != kNone) symbols[second.next].previous = best.first;
    second.id = kGone;
    consider(first.previous, best.first);
    consider(best.first, first.next);
  }
  std::vector<std::int32_t> ids;
  for (std::size_t i = symbols.empty() ? kNone : 0; i != kNone; i = symbols[i].next)
    ids.push_back(symbols[i].id);
  return ids;
}

}  // namespace trainyard::data
