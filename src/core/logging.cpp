#include "core/logging.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "core/text.h"

namespace trainyard::core {

namespace {

std::string_view level_prefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug: ";
    case LogLevel::kInfo:
      return "";
    case LogLevel::kWarning:
      return "warning: ";
    case LogLevel::kError:
      return "error: ";
  }
  return "";
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

struct Logging {
  std::mutex mutex;
  std::shared_ptr<spdlog::logger> logger;
  std::string rank_prefix;
};

std::shared_ptr<spdlog::logger> make_logger(const LoggingOptions& options) {
  auto terminal = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  terminal->set_pattern("%v");
  auto logger = std::make_shared<spdlog::logger>("trainyard", std::move(terminal));
  logger->set_level(options.rank == 0 ? spdlog_level(options.level)
                                      : std::max(spdlog::level::warn, spdlog_level(options.level)));
  logger->flush_on(spdlog::level::trace);
  return logger;
}

Logging& logging() {
  static Logging state{.mutex = {}, .logger = make_logger({}), .rank_prefix = {}};
  return state;
}

}  // namespace

void set_up_logging(const LoggingOptions& options) {
  auto logger = make_logger(options);
  Logging& state = logging();
  const std::lock_guard lock(state.mutex);
  state.logger = std::move(logger);
  state.rank_prefix = options.rank == 0 ? "" : fmt::format("[rank {} {}] ", options.rank, options.host);
}

void log(LogLevel level, std::string_view message) {
  Logging& state = logging();
  const std::lock_guard lock(state.mutex);
  if (!state.logger->should_log(spdlog_level(level))) return;
  const std::string line = state.rank_prefix + std::string(level_prefix(level)) + one_line(message);
  state.logger->log(spdlog_level(level), spdlog::string_view_t(line));
}

}  // namespace trainyard::core
