#pragma once

#include <cstddef>
#include <string_view>

namespace trainyard::report {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// One code point and how many bytes it took. Ill-formed UTF-8 (overlong forms and surrogates too) decodes byte by byte
/// to U+FFFD.
struct CodePoint {
  char32_t value = kReplacementCharacter;
  std::size_t bytes = 1;
};

/// Decodes the first code point of `text`, which must not be empty.
CodePoint decode_utf8(std::string_view text);

/// Columns of a terminal it takes: 0, 1 or 2.
std::size_t column_width(char32_t code_point);

}  // namespace trainyard::report
