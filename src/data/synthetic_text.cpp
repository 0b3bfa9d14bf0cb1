#include "data/synthetic_text.h"

#include <algorithm>

#include "data/random.h"

namespace trainyard::data {
namespace {

constexpr std::int64_t kSyntheticTextClasses = 2;
constexpr std::int64_t kVocabulary = 1000;
constexpr std::int64_t kBegin = 0;
constexpr std::int64_t kPadding = 1;
constexpr std::int64_t kEnd = 2;
constexpr std::uint64_t kSpecial = 5;          // <unk> and <mask>, too
constexpr std::uint64_t kTokensOfAClass = 16;  // behind the special ones
constexpr std::uint64_t kOneInIsOfTheClass = 4;

// Which draw of a sample's stream is for what; a token's come behind them.
constexpr std::uint64_t kLabelDraw = 0;
constexpr std::uint64_t kLengthDraw = 1;
constexpr std::uint64_t kFirstTokenDraw = 2;

std::int64_t draw(std::uint64_t key, std::uint64_t number, std::uint64_t bound) {
  return static_cast<std::int64_t>(scale_to(random_bits_at(key, number), bound));
}

}  // namespace

SyntheticText::SyntheticText(const SyntheticTextOptions& options)
    : TokenDataset({.name = "synthetic",
                    .classes = kSyntheticTextClasses,
                    .vocabulary = kVocabulary,
                    .padding = kPadding,
                    .max_length = options.max_length}),
      options_(options) {}

std::uint64_t SyntheticText::key(std::int64_t index) const {
  return random_bits(RandomStream::kSyntheticText, options_.seed, options_.first + index);
}

std::int64_t SyntheticText::label(std::int64_t index) const {
  return draw(key(index), kLabelDraw, kSyntheticTextClasses);
}

std::int64_t SyntheticText::length(std::int64_t index) const {
  const std::int64_t shortest = std::max<std::int64_t>(options_.max_length / 4, 3);
  return shortest + draw(key(index), kLengthDraw, static_cast<std::uint64_t>(options_.max_length - shortest + 1));
}

void SyntheticText::write_tokens(std::int64_t index, std::int64_t* out) const {
  const std::uint64_t own = key(index);
  const auto last = static_cast<std::uint64_t>(length(index) - 1);
  const std::int64_t of_class =
      static_cast<std::int64_t>(kSpecial) + label(index) * static_cast<std::int64_t>(kTokensOfAClass);
  out[0] = kBegin;
  for (std::uint64_t i = 1; i < last; ++i) {
    const std::uint64_t number = kFirstTokenDraw + 2 * i;
    const bool tells = draw(own, number, kOneInIsOfTheClass) == 0;
    out[i] = tells ? of_class + draw(own, number + 1, kTokensOfAClass)
                   : static_cast<std::int64_t>(kSpecial) + draw(own, number + 1, kVocabulary - kSpecial);
  }
  out[last] = kEnd;
}

}  // namespace trainyard::data
