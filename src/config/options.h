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
  std::string key;      ///< "batch-size"; keys of a section carry its name: "slurm.nodes", "inference.engine"
  std::string allowed;  ///< the values it takes, for people: "1 to 1048576", "fp32|fp16", "text"
  std::string unit;     ///< empty: none
  std::string help;     ///< one line
  bool in_digest;       ///< whether a run with another value is another run (all but `output` and [slurm])
  bool in_inference;    ///< whether tools/infer knows the key: those of [inference] and what a model and its data need

  /// Reads the value from its spelling. Throws core::UsageError that says what is wrong with the value, and nothing of
  /// where it stood: the caller knows the file and line.
  std::function<void(RunConfig&, std::string_view)> set;

  /// The canonical spelling of the value: `set` reads it back to the same value.
  std::function<std::string(const RunConfig&)> get;

  /// "slurm", "inference", or empty for keys that stand before any section.
  std::string_view section() const;
  /// The key without its section, as a file spells it: "nodes".
  std::string_view name() const;
  bool in_slurm_section() const { return section() == "slurm"; }
  bool in_inference_section() const { return section() == "inference"; }
  std::string default_value() const;
};

/// All keys, in the order in which they are shown.
const std::vector<Option>& option_table();

/// The key's entry, or null.
const Option* find_option(std::string_view key);

/// " (did you mean --X?)" for a misspelled key, empty when nothing is near. `prefix` is put before the key;
/// `inference`: whether those of tools/infer are meant, without their section, or those of training.
std::string suggestion(std::string_view misspelled, std::string_view prefix, bool inference = false);

/// docs/configuration.md: every key with values, unit, default and help.
std::string markdown_reference();

}  // namespace trainyard::config
