#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trainyard::report {

/// Text from a log made safe to show: bytes that are not UTF-8, control characters (escape sequences of a terminal
/// among them) and bidirectional overrides become U+FFFD. At most `max_bytes` of it, then an ellipsis.
std::string clean_text(std::string_view text, std::size_t max_bytes = 512);

/// `text` with & < > " ' as entities; `text` is cleaned first (4096 bytes of it). For element content and quoted
/// attributes.
std::string escape_html(std::string_view text);

/// Orders "run2" before "run10": digits count as numbers.
bool natural_less(std::string_view a, std::string_view b);

/// 1234567 as "1,234,567".
std::string format_count(std::int64_t value);

/// Share of one as percent with one decimal: 0.1234 is "12.3 %".
std::string format_percent(double share);

/// A number with `digits` significant figures and no exponent for usual sizes.
std::string format_significant(double value, int digits);

/// `value` with at most `digits` significant figures, without zeros at its end: 2.5, 20, 0.05.
std::string format_trimmed(double value, int digits = 3);

/// Columns of a terminal that UTF-8 `text` takes; East Asian wide characters take two, combining marks none.
std::size_t display_width(std::string_view text);

/// `text` cut to at most `width` terminal columns, its middle replaced by an ellipsis.
std::string elide_middle(std::string_view text, std::size_t width, bool unicode = true);

}  // namespace trainyard::report
