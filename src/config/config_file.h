#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/key_values.h"
#include "config/options.h"

namespace trainyard::config {

/// A config or study file as it was read: its entries are yet to be looked up in the option table.
struct ConfigFile {
  std::string origin;  ///< for errors: the path as it was given
  std::string name;    ///< the file's stem
  KeyValueText text;
};

/// Reads the file. Throws core::UsageError for a name that no run can have, a file that cannot be read, and lines that
/// are none (key_values.h).
ConfigFile read_config_file(const std::filesystem::path& file);

/// The same for a text; `origin` stands for the file's path, and `name` is taken as it is.
ConfigFile read_config_text(std::string_view text, std::string_view origin, std::string_view name);

/// Whether the file has the section [study] (study.h).
bool is_study(const ConfigFile& file);

/// Whether `name` may be a run's: it becomes a folder, a job name and part of file patterns.
bool is_run_name(std::string_view name);

/// What is_run_name takes, for people.
inline constexpr std::string_view kRunNameForm =
    "letters, digits, '.', '_' and '-', at most 100, the first a letter or digit";

/// Makes the sections [inference] and [slurm] of `config` that the file has. Throws core::UsageError for unknown ones.
void open_sections(RunConfig& config, const ConfigFile& file);

/// The table's entry for a key of the file. Throws core::UsageError naming file and line where no key is called so, or
/// where the key is not one of a run like `config`.
const Option& option_of(const KeyValue& entry, const ConfigFile& file, const RunConfig& config);

/// Sets the key; what the key refuses is a core::UsageError naming file, line and key.
void set_at_line(RunConfig& config, const Option& option, std::string_view value, std::string_view origin, int line);

/// Whether a run of this configuration reads the key.
bool concerns(const Option& option, const RunConfig& config);

}  // namespace trainyard::config
