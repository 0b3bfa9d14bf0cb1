#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.h"

namespace trainyard::config {

/// One key of a run configuration. Parsing, --help, docs/configuration.md, validation and the canonical text all come
/// from the table of these, so a key is added in one line (options.cpp).
struct Option {
  std::string key;      ///< as typed: "batch-size"; keys of the [slurm] section carry its name: "slurm.nodes"
  std::string allowed;  ///< the values it takes, for people: "1 to 1048576", "fp32|fp16", "text"
  std::string unit;     ///< empty: none
  std::string help;     ///< one line
  bool in_digest;       ///< whether a run with another value is another run (all but `output` and [slurm])

  /// Reads the value from its spelling. Throws core::UsageError that says what is wrong with the value, and nothing of
  /// where it stood: the caller knows the file and line.
  std::function<void(RunConfig&, std::string_view)> set;

  /// The canonical spelling of the value: `set` reads it back to the same value.
  std::function<std::string(const RunConfig&)> get;

  bool in_slurm_section() const { return key.starts_with("slurm."); }
  std::string default_value() const;
};

/// All keys, in the order in which they are shown.
const std::vector<Option>& option_table();

/// The key's entry, or null.
const Option* find_option(std::string_view key);

/// " (did you mean --X?)" for a misspelled key, empty when nothing is near. `prefix` is put before the key.
std::string suggestion(std::string_view misspelled, std::string_view prefix);

/// docs/configuration.md: every key with values, unit, default and help.
std::string markdown_reference();

}  // namespace trainyard::config
