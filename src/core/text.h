#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::core {

/// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other, each stretch edited once: the
/// optimal string alignment form of the Damerau-Levenshtein distance. Bytes, not code points.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to a misspelt word, for "did you mean". Case and '-' against '_' cost nothing. None where even
/// the nearest would need more than a third of the longer word edited. The first of equals wins.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);
std::optional<std::string> nearest(std::string_view word, std::span<const std::string_view> candidates);

/// Without ASCII white space at both ends.
std::string_view trim(std::string_view text);

/// All parts between separators, empty ones included: "a,,b" gives 3, "" gives 1.
std::vector<std::string_view> split(std::string_view text, char separator);

/// The parts between runs of ASCII white space, never empty.
std::vector<std::string_view> split_words(std::string_view text);

/// The whole text as a number, or none: no leading or trailing characters (white space included), no '-' before an
/// unsigned, no hexadecimal, no overflow, no infinity or NaN.
std::optional<std::int64_t> parse_int64(std::string_view text);
std::optional<double> parse_double(std::string_view text);

/// Three significant digits and a binary unit: "1023 B", "1.50 KiB", "12.0 GiB".
std::string format_bytes(std::uint64_t bytes);

/// "850 ns", "12.3 us", "4.56 ms", "7.89 s", "2 min 05 s", "3 h 04 min", "5 d 06 h"; a leading '-' where negative.
std::string format_duration_ns(std::int64_t duration_ns);

/// Three significant digits, decimal prefix from 10,000 on: "123 images/s", "12.3 kimages/s".
std::string format_rate(double per_second, std::string_view unit);

/// One line: runs of line breaks and other control characters become one space each, the ends are trimmed.
std::string one_line(std::string_view text);

/// At most `max_bytes` bytes, cut between UTF-8 characters.
std::string_view truncate_utf8(std::string_view text, std::size_t max_bytes);

}  // namespace trainyard::core
