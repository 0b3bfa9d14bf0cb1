#include "report/config_text.h"

#include "core/text.h"
#include "report/format.h"

namespace trainyard::report {

ConfigText parse_config_text(const std::string& text) {
  ConfigText keys;
  for (const std::string_view line : core::split(text, '\n')) {
    const std::string_view content = core::trim(line);
    const auto equals = content.find('=');
    if (content.empty() || content.front() == '#' || equals == std::string_view::npos) continue;
    keys.insert_or_assign(clean_text(core::trim(content.substr(0, equals))),
                          clean_text(core::trim(content.substr(equals + 1))));
  }
  return keys;
}

std::string config_value(const ConfigText& config, const std::string& key) {
  const auto found = config.find(key);
  return found == config.end() ? "" : found->second;
}

std::optional<std::int64_t> config_number(const ConfigText& config, const std::string& key) {
  return core::parse_int64(config_value(config, key));
}

}  // namespace trainyard::report
