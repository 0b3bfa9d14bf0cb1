#include "batch/quote.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool is_plain(char c) {
  return is_alphanumeric(c) || is_one_of(c, "_./%:=,+@-");
}

/// Whether single quotes around the word would look like a mistake, to people and to shellcheck.
bool is_expanded(std::string_view word) {
  return word.find_first_of("$`") != std::string_view::npos;
}

std::string in_single_quotes(std::string_view word) {
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string in_double_quotes(std::string_view word) {
  std::string quoted = "\"";
  for (const char c : word) {
    if (is_one_of(c, "$`\"\\")) quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

}  // namespace

std::string sbatch_value(std::string_view value, std::string_view what) {
  const auto is_quotable = [](char c) { return is_plain(c) || is_one_of(c, " |&;*()[]"); };
  if (value.empty() || !std::ranges::all_of(value, is_quotable)) {
    throw core::UsageError(
        fmt::format("{}: '{}' cannot stand in an sbatch directive: use letters, digits, spaces and _./%:=,+@-|&;*()[]",
                    what, core::one_line(value)));
  }
  return std::ranges::all_of(value, is_plain) ? std::string(value) : fmt::format("\"{}\"", value);
}

std::string bash_word(std::string_view word, std::string_view what) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::ranges::any_of(word, is_control)) {
    throw core::UsageError(fmt::format("{}: '{}' holds a control character", what, core::one_line(word)));
  }
  if (!word.empty() && std::ranges::all_of(word, is_plain)) return std::string(word);
  return is_expanded(word) ? in_double_quotes(word) : in_single_quotes(word);
}

}  // namespace trainyard::batch
