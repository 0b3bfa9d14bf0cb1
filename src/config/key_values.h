#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trainyard::config {

struct KeyValue {
  std::string key;  ///< with its section before it: "slurm.nodes"
  std::string value;
  int line = 0;  ///< from 1
};

/// The contents of a `key = value` file, in file order.
struct KeyValueText {
  std::vector<KeyValue> entries;
  std::vector<std::string> sections;  ///< the names that stood in brackets, also those without keys
};

/// Parses `key = value` lines, comment lines that start with # and [section] lines. Stricter than the library that does
/// the reading: a # within a value (which would be cut there without a word), a repeated key that is none of
/// `repeatable`, a line without = and control characters are core::UsageErrors that name `origin` and the line.
KeyValueText read_key_values(std::string_view text, std::string_view origin,
                             const std::vector<std::string>& repeatable = {});

/// Why `value` cannot be written into such a file and read back the same, or empty when it can.
std::string value_defect(std::string_view value);

}  // namespace trainyard::config
