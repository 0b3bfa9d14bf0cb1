#include "report/format.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "report/utf8.h"

namespace trainyard::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool is_unsafe(char32_t c) {
  const bool control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  const bool line_separator = c == 0x2028 || c == 0x2029;
  const bool bidirectional = c == 0x061C || (c >= 0x200B && c <= 0x200F) || (c >= 0x202A && c <= 0x202E) ||
                             (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF;
  const bool noncharacter = (c & 0xFFFE) == 0xFFFE || (c >= 0xFDD0 && c <= 0xFDEF);
  return control || line_separator || bidirectional || noncharacter || c == kReplacementCharacter;
}

std::string print_fixed(double value, int decimals) {
  char buffer[352];  // the longest double has 309 digits before its point
  const int length = std::snprintf(buffer, sizeof buffer, "%.*f", decimals, value);
  return std::string(buffer, static_cast<std::size_t>(length));
}

std::string print_general(double value, int digits) {
  char buffer[64];
  const int length = std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
  return std::string(buffer, static_cast<std::size_t>(length));
}

/// Decimals that give `value` `digits` significant figures, 0 where it has as many before its point.
int decimals_for(double value, int digits) {
  if (value == 0.0) return 0;
  const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
  const int decimals = std::clamp(digits - 1 - exponent, 0, 12);
  // 9.996 with three figures rounds to 10.0, which has one decimal less
  const double rounded = std::round(std::abs(value) * std::pow(10.0, decimals)) / std::pow(10.0, decimals);
  return rounded >= std::pow(10.0, exponent + 1) ? std::max(decimals - 1, 0) : decimals;
}

std::string group_thousands(std::string digits) {
  const auto start = digits.find_first_of("0123456789");
  auto end = digits.find('.');
  if (end == std::string::npos) end = digits.size();
  for (auto position = end; position > start + 3; position -= 3)
    digits.insert(position - 3, ",");
  return digits;
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_bytes) {
  std::string clean;
  clean.reserve(std::min(text.size(), max_bytes) + kEllipsis.size());
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const bool blank = point.value == '\n' || point.value == '\t' || point.value == '\r';
    const std::string_view shown = blank                    ? std::string_view(" ")
                                   : is_unsafe(point.value) ? kReplacement
                                                            : text.substr(0, point.bytes);
    if (clean.size() + shown.size() > max_bytes) return clean.append(kEllipsis);
    clean.append(shown);
    text.remove_prefix(point.bytes);
  }
  return clean;
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : clean_text(text, 4096)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

bool natural_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto take_number = [&](std::string_view& text) {
    const std::size_t length = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
    std::string_view digits = text.substr(0, length);
    text.remove_prefix(length);
    digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
    return digits;
  };
  std::string_view rest_a = a;
  std::string_view rest_b = b;
  while (!rest_a.empty() && !rest_b.empty()) {
    if (is_digit(rest_a.front()) && is_digit(rest_b.front())) {
      const std::string_view number_a = take_number(rest_a);
      const std::string_view number_b = take_number(rest_b);
      if (number_a.size() != number_b.size()) return number_a.size() < number_b.size();
      if (number_a != number_b) return number_a < number_b;
    } else {
      if (rest_a.front() != rest_b.front()) return rest_a.front() < rest_b.front();
      rest_a.remove_prefix(1);
      rest_b.remove_prefix(1);
    }
  }
  if (rest_a.empty() != rest_b.empty()) return rest_a.empty();
  return a < b;  // "01" and "1" still have an order
}

std::string format_count(std::int64_t value) {
  return group_thousands(std::to_string(value));
}

std::string format_significant(double value, int digits) {
  if (value != 0.0 && (std::abs(value) >= 1e15 || std::abs(value) < 1e-6)) return print_general(value, digits);
  return group_thousands(print_fixed(value, decimals_for(value, digits)));
}

std::string format_trimmed(double value, int digits) {
  std::string text = format_significant(value, digits);
  if (text.find('.') == std::string::npos || text.find('e') != std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string format_percent(double share) {
  return print_fixed(share * 100.0, 1) + " %";
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    width += column_width(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string elide_middle(std::string_view text, std::size_t width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  const std::string_view mark = unicode ? kEllipsis : std::string_view("..");
  const std::size_t mark_width = unicode ? 1 : 2;
  if (width <= mark_width) return std::string(width, '.');
  const std::size_t room = width - mark_width;
  const std::size_t head_room = (room + 1) / 2;
  std::size_t head = 0;
  for (std::size_t used = 0; head < text.size();) {
    const CodePoint point = decode_utf8(text.substr(head));
    used += column_width(point.value);
    if (used > head_room) break;
    head += point.bytes;
  }
  std::size_t tail = head;
  while (tail < text.size() && display_width(text.substr(tail)) > room - head_room) {
    tail += decode_utf8(text.substr(tail)).bytes;
  }
  return std::string(text.substr(0, head)).append(mark).append(text.substr(tail));
}

}  // namespace trainyard::report
