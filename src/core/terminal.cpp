#include "core/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/text.h"

namespace trainyard::core {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view(value);
}

}  // namespace

bool is_terminal(Stream stream) {
  return ::isatty(static_cast<int>(stream)) == 1;
}

int terminal_width(Stream stream, int fallback) {
  std::int64_t width = fallback;
  winsize size{};
  if (::ioctl(static_cast<int>(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    width = size.ws_col;
  } else if (const auto columns = parse_int64(variable("COLUMNS")); columns && *columns > 0) {
    width = *columns;
  }
  return static_cast<int>(std::clamp<std::int64_t>(width, 20, 1000));
}

bool colour_allowed(Stream stream) {
  return variable("NO_COLOR").empty() && variable("TERM") != "dumb" && is_terminal(stream);
}

bool unicode_allowed() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    return value.find("UTF-8") != std::string::npos || value.find("UTF8") != std::string::npos;
  }
  return false;
}

}  // namespace trainyard::core
