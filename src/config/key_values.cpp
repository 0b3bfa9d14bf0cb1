#include "config/key_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <map>
#include <sstream>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

[[noreturn]] void refuse(std::string_view origin, int line, std::string_view what) {
  throw core::UsageError(fmt::format("{}:{}: {}", origin, line, what));
}

// What the library would read otherwise than it stands there is refused first; what is left it reads, and the lines of
// its entries are known from here.
struct Scan {
  std::vector<int> entry_lines;
  std::vector<std::string> sections;
};

void scan_key(std::string_view key, std::string_view origin, int number) {
  if (key.empty()) refuse(origin, number, "no key before =");
  if (key.find_first_of(" \t") != std::string_view::npos) {
    refuse(origin, number, fmt::format("'{}' is not a key: a line is `key = value`", key));
  }
  if (key.find('.') != std::string_view::npos) {
    refuse(origin, number, fmt::format("'{}': write a section as a line of its own, like [slurm]", key));
  }
}

Scan scan(std::string_view text, std::string_view origin, const std::vector<std::string>& repeatable) {
  Scan result;
  std::string section;
  std::map<std::string, int> seen;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (std::any_of(line.begin(), line.end(), is_control)) refuse(origin, number, "holds a control character");
    line = core::trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    if (line.find('#') != std::string_view::npos) {
      refuse(origin, number, "a value cannot hold #; a comment needs a line of its own");
    }
    if (line.starts_with('[')) {
      if (!line.ends_with(']') || line.find_first_of(" \t.=") != std::string_view::npos || line.size() < 3) {
        refuse(origin, number, fmt::format("'{}' is not a section: write it like [slurm]", line));
      }
      section = line.substr(1, line.size() - 2);
      result.sections.push_back(section);
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) refuse(origin, number, fmt::format("'{}': a line is `key = value`", line));
    const std::string_view key = core::trim(line.substr(0, equals));
    scan_key(key, origin, number);
    const std::string full = section.empty() ? std::string(key) : section + "." + std::string(key);
    const auto [earlier, is_new] = seen.emplace(full, number);
    if (!is_new && std::ranges::find(repeatable, full) == repeatable.end()) {
      refuse(origin, number, fmt::format("{} is given twice: line {} has it already", key, earlier->second));
    }
    result.entry_lines.push_back(number);
  }
  return result;
}

}  // namespace

KeyValueText read_key_values(std::string_view text, std::string_view origin,
                             const std::vector<std::string>& repeatable) {
  namespace po = boost::program_options;
  Scan scanned = scan(text, origin, repeatable);
  std::istringstream stream{std::string(text)};
  const po::options_description any;
  constexpr bool kAllowUnregistered = true;  // the caller's table decides, since it can name the line and a near key
  const auto parsed = po::parse_config_file(stream, any, kAllowUnregistered);
  if (parsed.options.size() != scanned.entry_lines.size()) {
    throw core::UsageError(
        fmt::format("{}: reads as {} keys where {} stand", origin, parsed.options.size(), scanned.entry_lines.size()));
  }
  KeyValueText result;
  result.sections = std::move(scanned.sections);
  for (std::size_t i = 0; i < parsed.options.size(); ++i) {
    const auto& option = parsed.options[i];
    result.entries.push_back(
        {option.string_key, option.value.empty() ? std::string() : option.value.front(), scanned.entry_lines[i]});
  }
  return result;
}

std::string value_defect(std::string_view value) {
  if (value.find('#') != std::string_view::npos) return "cannot hold #";
  if (std::any_of(value.begin(), value.end(), is_control)) return "holds a control character";
  if (core::trim(value) != value) return "begins or ends with a space";
  return {};
}

}  // namespace trainyard::config
