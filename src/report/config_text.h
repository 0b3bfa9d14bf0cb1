#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace trainyard::report {

/// The configuration that a log holds, by key; every text of it cleaned.
using ConfigText = std::map<std::string, std::string>;

/// `key = value` lines of a configuration; sections, comments and anything else are passed over.
ConfigText parse_config_text(const std::string& text);

/// The value of a key; empty where it is not there.
std::string config_value(const ConfigText& config, const std::string& key);

/// The value of a key as a whole number; nothing where it is not there or none.
std::optional<std::int64_t> config_number(const ConfigText& config, const std::string& key);

}  // namespace trainyard::report
