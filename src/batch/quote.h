#pragma once

#include <string>
#include <string_view>

namespace trainyard::batch {

/// `value` as the value of an #SBATCH directive: bare, or within double quotes where sbatch needs them (spaces, |, &,
/// ;). Throws core::UsageError naming `what` for characters that sbatch would cut at, expand or take for the end of the
/// line:
/// #, $, quotes, backslash, backtick, control characters and everything beyond ASCII.
std::string sbatch_value(std::string_view value, std::string_view what);

/// `word` as one word of a bash command, within quotes where bash needs them. Throws core::UsageError naming
/// `what` for control characters: a generated script keeps one command on one line.
std::string bash_word(std::string_view word, std::string_view what);

}  // namespace trainyard::batch
