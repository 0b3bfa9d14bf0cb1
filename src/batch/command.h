#pragma once

#include <string>
#include <vector>

namespace trainyard::batch {

struct CommandOutput {
  int status = 0;    ///< exit status, 128 + N after signal N
  std::string text;  ///< what it printed on standard output and error, at most 64 KiB of it
};

/// Runs the words as a command, without input, to its end. Throws core::UsageError for a word that cannot be one of a
/// command (quote.h), core::Error where no shell can be started.
CommandOutput read_command(const std::vector<std::string>& words);

}  // namespace trainyard::batch
