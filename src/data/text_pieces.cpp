#include "data/text_pieces.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace trainyard::data {
namespace {

enum class Kind { kLetter, kNumber, kSpace, kOther };

struct Character {
  Kind kind;
  std::size_t bytes;
};

/// Unicode's property White_Space.
bool is_space(std::int32_t code) {
  return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 || code == 0x1680 ||
         (code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f || code == 0x205f ||
         code == 0x3000;
}

Kind kind_of(std::int32_t code) {
  if (is_space(code)) return Kind::kSpace;
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return Kind::kLetter;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return Kind::kNumber;
    default:
      return Kind::kOther;
  }
}

/// The first character of a text that is not empty.
Character first_of(std::string_view text) {
  std::int32_t code = -1;
  const auto length = static_cast<utf8proc_ssize_t>(std::min<std::size_t>(text.size(), 4));
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), length, &code);
  if (bytes <= 0) return {Kind::kOther, 1};
  return {kind_of(code), static_cast<std::size_t>(bytes)};
}

/// Bytes of the characters of one kind that a text begins with, and of the last of them.
struct Run {
  std::size_t bytes = 0;
  std::size_t last = 0;
};

Run run_of(std::string_view text, Kind kind) {
  Run run;
  while (run.bytes < text.size()) {
    const Character next = first_of(text.substr(run.bytes));
    if (next.kind != kind) break;
    run.bytes += next.bytes;
    run.last = next.bytes;
  }
  return run;
}

std::size_t piece_bytes(std::string_view text) {
  constexpr std::array<std::string_view, 7> kContractions{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
  for (const std::string_view contraction : kContractions) {
    if (text.starts_with(contraction)) return contraction.size();
  }
  // One blank goes with the letters, numbers or other characters behind it.
  const std::size_t blank = text.front() == ' ' && text.size() > 1 ? 1 : 0;
  if (const Kind kind = first_of(text.substr(blank)).kind; kind != Kind::kSpace) {
    return blank + run_of(text.substr(blank), kind).bytes;
  }
  // The last white space before something else stays for it, unless there is no other.
  const Run spaces = run_of(text, Kind::kSpace);
  return spaces.bytes == text.size() || spaces.bytes == spaces.last ? spaces.bytes : spaces.bytes - spaces.last;
}

}  // namespace

std::string_view take_piece(std::string_view& text) {
  const std::string_view piece = text.substr(0, piece_bytes(text));
  text.remove_prefix(piece.size());
  return piece;
}

}  // namespace trainyard::data
