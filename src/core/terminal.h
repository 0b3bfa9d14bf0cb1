#pragma once

namespace trainyard::core {

/// A standard stream as the environment describes it.
enum class Stream { kOut = 1, kErr = 2 };

bool is_terminal(Stream stream);

/// Columns: of the terminal, else $COLUMNS, else `fallback`; between 20 and 1000.
int terminal_width(Stream stream, int fallback = 80);

/// A terminal other than TERM=dumb, and NO_COLOR unset or empty (https://no-color.org).
bool colour_allowed(Stream stream);

/// The locale of the environment (LC_ALL, LC_CTYPE, LANG in this order) names UTF-8.
bool unicode_allowed();

}  // namespace trainyard::core
