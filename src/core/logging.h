#pragma once

#include <string>
#include <string_view>

namespace trainyard::core {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

/// Where this process stands among those that share the terminal.
struct LoggingOptions {
  int rank = 0;
  int world_size = 1;
  std::string host;                  ///< shown on lines of ranks other than 0
  LogLevel level = LogLevel::kInfo;  ///< rank 0's; other ranks say warnings and errors alone
};

/// Sets up messages of this process, once after its rank is known (again replaces the set-up). Lines go to stderr: rank
/// 0's as they are ("warning: ..." and "error: ..." named), others' as "[rank R HOST] warning: ...". Thread-safe use,
/// one whole line a write, flushed at once.
void set_up_logging(const LoggingOptions& options);

/// One message; line breaks in it become spaces. Before set_up_logging the process counts as rank 0 of 1.
void log(LogLevel level, std::string_view message);
inline void log_info(std::string_view message) {
  log(LogLevel::kInfo, message);
}
inline void log_warning(std::string_view message) {
  log(LogLevel::kWarning, message);
}
inline void log_error(std::string_view message) {
  log(LogLevel::kError, message);
}

}  // namespace trainyard::core
