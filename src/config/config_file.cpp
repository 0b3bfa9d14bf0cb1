#include "config/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "config/study.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxNameBytes = 100;
constexpr std::array<std::string_view, 3> kSections{"inference", "slurm", "study"};

/// The keys of [study] that may stand on several lines.
const std::vector<std::string> kRepeatable{"study.set", "study.skip"};

/// What a key that the table does not know may have been meant as.
std::string mend_of(std::string_view key) {
  for (const std::string_view section : kSections) {
    if (find_option(fmt::format("{}.{}", section, key)) != nullptr)
      return fmt::format(": it belongs under [{}]", section);
  }
  if (std::ranges::find(kStudyKeys, key) != kStudyKeys.end()) return ": it belongs under [study]";
  return suggestion(key, "");
}

constexpr std::string_view kOfStudies = "; several values are for a study, a file with a [study] section";

/// True for a value that is refused as a whole, and would not be word by word.
bool are_several_values(RunConfig config, const Option& option, std::string_view value) {
  const std::vector<std::string_view> words = core::split_words(value);
  if (words.size() < 2) return false;
  try {
    for (const std::string_view word : words)
      option.set(config, word);
  } catch (const core::UsageError&) {
    return false;
  }
  return true;
}

}  // namespace

bool is_run_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= kMaxNameBytes && is_alphanumeric(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

ConfigFile read_config_text(std::string_view text, std::string_view origin, std::string_view name) {
  ConfigFile file;
  file.origin = origin;
  file.name = name;
  file.text = read_key_values(text, origin, kRepeatable);
  return file;
}

ConfigFile read_config_file(const std::filesystem::path& file) {
  const std::string name = file.stem().string();
  if (!is_run_name(name)) {
    throw core::UsageError(
        fmt::format("{}: a config's name may hold {}: rename it", core::one_line(file.string()), kRunNameForm));
  }
  std::string text;
  try {
    text = core::read_file(file, kMaxFileBytes);
  } catch (const core::Error& error) {
    throw core::UsageError(error.what());
  }
  return read_config_text(text, file.string(), name);
}

bool is_study(const ConfigFile& file) {
  return std::ranges::find(file.text.sections, "study") != file.text.sections.end();
}

void open_sections(RunConfig& config, const ConfigFile& file) {
  for (const std::string& section : file.text.sections) {
    if (section == "inference") {
      config.inference.emplace();
    } else if (section == "slurm") {
      config.slurm.emplace();
    } else if (section != "study") {
      const auto near = core::nearest(section, std::span<const std::string_view>(kSections));
      throw core::UsageError(fmt::format("{}: unknown section [{}]{}: only [{}] are some", file.origin, section,
                                         near ? fmt::format(" (did you mean [{}]?)", *near) : std::string(),
                                         fmt::join(kSections, "], [")));
    }
  }
}

bool concerns(const Option& option, const RunConfig& config) {
  if (option.in_slurm_section()) return config.slurm.has_value();
  return config.inference ? option.in_inference : !option.in_inference_section();
}

const Option& option_of(const KeyValue& entry, const ConfigFile& file, const RunConfig& config) {
  const Option* option = find_option(entry.key);
  if (option == nullptr) {
    throw core::UsageError(
        fmt::format("{}:{}: unknown key {}{}", file.origin, entry.line, entry.key, mend_of(entry.key)));
  }
  if (!concerns(*option, config)) {
    throw core::UsageError(fmt::format("{}:{}: {} is a key of training, and a file with [inference] is not for that",
                                       file.origin, entry.line, entry.key));
  }
  return *option;
}

void set_at_line(RunConfig& config, const Option& option, std::string_view value, std::string_view origin, int line) {
  try {
    option.set(config, value);
  } catch (const core::UsageError& error) {
    throw core::UsageError(fmt::format("{}:{}: {}: {}{}", origin, line, option.name(), error.what(),
                                       are_several_values(config, option, value) ? kOfStudies : ""));
  }
}

}  // namespace trainyard::config
