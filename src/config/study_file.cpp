#include "config/study_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "config/study.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

/// Paths and names may hold spaces, so they hold one value each.
constexpr std::array<std::string_view, 5> kOneValue{"weights", "data-dir", "tokenizer", "output", "slurm.account"};

constexpr std::string_view kArrow = "->";
constexpr int kMaxThrottle = 100'000;

/// The line that is being read, for its errors.
struct Line {
  const std::string& origin;
  int number;
  std::string_view key;

  [[noreturn]] void refuse(std::string_view what) const {
    throw core::UsageError(fmt::format("{}:{}: {}: {}", origin, number, key, what));
  }
};

std::string known_names(const RunConfig& config, std::string_view word) {
  std::vector<std::string_view> names;
  for (const Option& option : option_table()) {
    if (concerns(option, config)) names.push_back(option.name());
  }
  const auto near = core::nearest(word, std::span<const std::string_view>(names));
  return near ? fmt::format(" (did you mean {}?)", *near) : std::string();
}

bool has_pattern(std::string_view value) {
  return value.find_first_of("{}") != std::string_view::npos;
}

/// The value's canonical spelling, by which two spellings of one value are known as such.
std::string canonical(const Option& option, std::string_view value, const RunConfig& base, const Line& line) {
  RunConfig scratch = base;
  set_at_line(scratch, option, value, line.origin, line.number);
  return option.get(scratch);
}

const Option& named_option(std::string_view name, const StudyFile& study, const Line& line) {
  const Option* option = find_by_bare_name(name, study.base);
  if (option == nullptr) line.refuse(fmt::format("there is no key {}{}", name, known_names(study.base, name)));
  return *option;
}

void fill_or_refuse(std::string_view pattern, const StudyFile& study, const Line& line) {
  try {
    static_cast<void>(fill_pattern(pattern, study.base));
  } catch (const core::UsageError& error) {
    line.refuse(error.what());
  }
}

/// A pattern may name keys whose values stand in the file, not those that are made of others' themselves.
void check_pattern(std::string_view pattern, const StudyFile& study, const Line& line) {
  for (std::size_t at = 0; (at = pattern.find('{', at)) != std::string_view::npos; ++at) {
    const std::size_t end = pattern.find('}', at);
    if (end == std::string_view::npos) break;  // fill_pattern says so
    const Option* option = find_by_bare_name(pattern.substr(at + 1, end - at - 1), study.base);
    const auto is_option = [option](const StudyPattern& other) { return other.option == option; };
    if (option != nullptr && std::ranges::any_of(study.patterns, is_option)) {
      line.refuse(fmt::format("{{{}}} is made of other keys itself: name those", option->name()));
    }
  }
  fill_or_refuse(pattern, study, line);
}

std::vector<StudyCondition> read_conditions(std::string_view text, const StudyFile& study, const Line& line) {
  std::vector<StudyCondition> conditions;
  for (const std::string_view word : core::split_words(text)) {
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos) line.refuse(fmt::format("'{}': write key:value", word));
    const Option& option = named_option(word.substr(0, colon), study, line);
    const auto axis = std::ranges::find_if(study.axes, [&](const StudyAxis& other) { return other.option == &option; });
    if (axis == study.axes.end()) line.refuse(fmt::format("{} does not have several values here", option.name()));
    const std::string value = canonical(option, word.substr(colon + 1), study.base, line);
    if (std::ranges::find(axis->values, value) == axis->values.end()) {
      line.refuse(fmt::format("{} has no value {} here, but {}", option.name(), value, fmt::join(axis->values, ", ")));
    }
    const auto known =
        std::ranges::find_if(conditions, [&](const StudyCondition& condition) { return condition.option == &option; });
    if (known == conditions.end()) {
      conditions.push_back({&option, {value}});
    } else {
      known->values.push_back(value);
    }
  }
  return conditions;
}

StudyRule read_rule(std::string_view text, const StudyFile& study, const Line& line) {
  const std::size_t arrow = text.find(kArrow);
  if (arrow == std::string_view::npos) line.refuse("write `key:value ... -> key:value ...`: where, and what then");
  StudyRule rule;
  rule.conditions = read_conditions(text.substr(0, arrow), study, line);
  for (const std::string_view word : core::split_words(text.substr(arrow + kArrow.size()))) {
    const std::size_t colon = word.find(':');
    if (colon == std::string_view::npos) line.refuse(fmt::format("'{}': write key:value", word));
    const Option& option = named_option(word.substr(0, colon), study, line);
    std::string value(word.substr(colon + 1));
    if (has_pattern(value)) {
      check_pattern(value, study, line);
    } else {
      value = canonical(option, value, study.base, line);
    }
    rule.assignments.push_back({&option, std::move(value), line.number});
  }
  if (rule.assignments.empty()) line.refuse(fmt::format("sets nothing: name a key:value behind {}", kArrow));
  return rule;
}

bool read_flag(const std::string& value, const Line& line) {
  if (value != "true" && value != "false") line.refuse(fmt::format("'{}' is not allowed: true|false", value));
  return value == "true";
}

void read_study_key(StudyFile& study, std::string_view key, const std::string& value, const Line& line) {
  if (key == "name") {
    fill_or_refuse(value, study, line);
    study.name_pattern = value;
  } else if (key == "array") {
    study.array = read_flag(value, line);
  } else if (key == "collect") {
    study.collect = read_flag(value, line);
  } else if (key == "throttle") {
    const auto number = core::parse_int64(value);
    if (!number || *number < 1 || *number > kMaxThrottle) {
      line.refuse(fmt::format("'{}' is not allowed: 1 to {}", value, kMaxThrottle));
    }
    study.throttle = static_cast<int>(*number);
  } else if (key == "skip") {
    study.skips.push_back(read_conditions(value, study, line));
    if (study.skips.back().empty()) line.refuse("names no key:value, and so every point");
  } else if (key == "set") {
    study.rules.push_back(read_rule(value, study, line));
  } else {
    const auto near = core::nearest(key, std::span<const std::string_view>(kStudyKeys));
    throw core::UsageError(fmt::format("{}:{}: unknown key study.{}{}", line.origin, line.number, key,
                                       near ? fmt::format(" (did you mean {}?)", *near) : std::string()));
  }
}

void read_axis(StudyFile& study, const Option& option, const std::vector<std::string_view>& words, const Line& line) {
  StudyAxis axis{&option, {}};
  for (const std::string_view word : words) {
    if (has_pattern(word)) line.refuse(fmt::format("'{}': among several values each stands for itself", word));
    std::string value = canonical(option, word, study.base, line);
    if (std::ranges::find(axis.values, value) != axis.values.end()) {
      line.refuse(fmt::format("'{}' stands there twice", word));
    }
    axis.values.push_back(std::move(value));
  }
  study.axes.push_back(std::move(axis));
}

}  // namespace

const Option* find_by_bare_name(std::string_view name, const RunConfig& config) {
  for (const Option& option : option_table()) {
    if (option.name() == name && concerns(option, config)) return &option;
  }
  return nullptr;
}

std::string fill_pattern(std::string_view pattern, const RunConfig& config) {
  std::string text;
  while (!pattern.empty()) {
    const std::size_t brace = pattern.find_first_of("{}");
    text += pattern.substr(0, brace);
    if (brace == std::string_view::npos) break;
    const std::size_t end = pattern.find_first_of("{}", brace + 1);
    if (pattern[brace] != '{' || end == std::string_view::npos || pattern[end] != '}') {
      throw core::UsageError("a brace without its other: write {key}");
    }
    const std::string_view key = pattern.substr(brace + 1, end - brace - 1);
    const Option* option = find_by_bare_name(key, config);
    if (option == nullptr) {
      throw core::UsageError(fmt::format("{{{}}}: there is no key {}{}", key, key, known_names(config, key)));
    }
    text += option->get(config);
    pattern.remove_prefix(end + 1);
  }
  return text;
}

bool StudyFile::varies(const Option& option) const {
  const auto is_option = [&option](const auto& part) { return part.option == &option; };
  return std::ranges::any_of(axes, is_option) || std::ranges::any_of(patterns, is_option) ||
         std::ranges::any_of(rules,
                             [&](const StudyRule& rule) { return std::ranges::any_of(rule.assignments, is_option); });
}

StudyFile read_study(const ConfigFile& file) {
  StudyFile study;
  study.origin = file.origin;
  study.name = file.name;
  study.base.name = file.name;
  open_sections(study.base, file);
  constexpr std::string_view kPrefix = "study.";
  // Keys of runs first: those of [study] speak of them, wherever the section stands.
  for (const KeyValue& entry : file.text.entries) {
    if (entry.key.starts_with(kPrefix)) continue;
    const Option& option = option_of(entry, file, study.base);
    const Line line{study.origin, entry.line, option.name()};
    const bool one_value = std::ranges::find(kOneValue, option.key) != kOneValue.end();
    const std::vector<std::string_view> words = core::split_words(entry.value);
    if (!one_value && words.size() > 1) {
      read_axis(study, option, words, line);
    } else if (has_pattern(entry.value)) {
      study.patterns.push_back({&option, entry.value, entry.line});
    } else {
      set_at_line(study.base, option, entry.value, study.origin, entry.line);
    }
  }
  for (const StudyPattern& pattern : study.patterns) {
    check_pattern(pattern.pattern, study, {study.origin, pattern.line, pattern.option->name()});
  }
  for (const KeyValue& entry : file.text.entries) {
    if (!entry.key.starts_with(kPrefix)) continue;
    const std::string_view key = std::string_view(entry.key).substr(kPrefix.size());
    read_study_key(study, key, entry.value, {study.origin, entry.line, key});
  }
  return study;
}

}  // namespace trainyard::config
