#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config_file.h"

namespace trainyard::config {

/// A key that holds several values.
struct StudyAxis {
  const Option* option;
  std::vector<std::string> values;  ///< canonical spellings
};

/// A key whose value is made of others': `gpus-per-node = {ranks-per-node}`.
struct StudyPattern {
  const Option* option;
  std::string pattern;
  int line;
};

/// `key:value` words: a point fits when each key that they name has one of the values named for it.
struct StudyCondition {
  const Option* option;
  std::vector<std::string> values;
};

/// `set = CONDITIONS -> key:value ...`; without conditions it holds for every point.
struct StudyRule {
  std::vector<StudyCondition> conditions;
  std::vector<StudyPattern> assignments;
};

/// A study file, checked line by line: what its points are made from.
struct StudyFile {
  std::string origin;
  std::string name;
  RunConfig base;  ///< the keys of one value that names no other
  std::vector<StudyAxis> axes;
  std::vector<StudyPattern> patterns;
  std::vector<StudyRule> rules;
  std::vector<std::vector<StudyCondition>> skips;
  std::string name_pattern;  ///< empty: the file's name and the values of all axes
  bool array = false;
  bool collect = true;
  int throttle = 0;

  /// Whether points differ in this key: an axis, a pattern, or what a rule sets.
  bool varies(const Option& option) const;
};

/// Throws core::UsageError naming file and line.
StudyFile read_study(const ConfigFile& file);

/// `pattern` with each {key} replaced by its value in `config`. Throws core::UsageError, without origin, for an unknown
/// key or a brace without its other.
std::string fill_pattern(std::string_view pattern, const RunConfig& config);

/// The key called so without its section, among those of a run like `config`; null: none.
const Option* find_by_bare_name(std::string_view name, const RunConfig& config);

}  // namespace trainyard::config
