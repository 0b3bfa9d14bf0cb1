#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/run_config.h"

namespace trainyard::config {

/// Whose command line it is.
enum class Program { kTrain, kInfer };

/// What a command line of the form `[--config FILE] [--key value ...]` asks for, or with `--probe-batch
/// [--probe-memory SIZE]` beside them.
struct CommandLine {
  enum class Action { kRun, kProbeBatch, kHelp, kVersion };
  Action action = Action::kRun;
  RunConfig config;                   ///< meaningful for kRun and kProbeBatch
  std::int64_t probe_memory_mib = 0;  ///< kProbeBatch: what it may use; 0: not said
};

/// Reads the file named by --config, if one is, and then the keys of the command line, which win; the result is
/// validated. [slurm] keys are refused on the command line: sbatch's own options override the request.
/// Throws core::UsageError (unknown key, value out of range, combination that cannot run, repeated key, missing file):
/// one line that names file, line and key and says the mend. `arguments` are those after the program's name. Training
/// refuses the keys of [inference] and files that have that section; tools/infer gets the section in any case, refuses
/// keys that it does not know, and passes by those of a file that has no such section.
CommandLine parse_command_line(const std::vector<std::string>& arguments, Program program = Program::kTrain);

/// A config file alone: `key = value` lines, comment lines that start with #, sections [inference] and [slurm]. The
/// run's name is the file's stem. Throws core::UsageError as above.
RunConfig parse_file(const std::filesystem::path& file);

/// A config given as text; `origin` stands for the file's name in errors.
RunConfig parse_text(std::string_view text, std::string_view origin, std::string_view name);

/// Whether an engine answers in 8-bit integers.
bool computes_in_int8(EngineKind engine);

/// Refuses combinations of keys that cannot run, whatever machine they meet. Parsing calls it.
void validate(const RunConfig& config);

/// Refuses a number of ranks that the strategy cannot use. The trainer calls it once MPI is up, tools/generate before.
void validate_ranks(const RunConfig& config, int ranks);

/// The --help text of a program that takes a run configuration: every key with values, default and help.
/// `usage` is its first line; `width` the terminal's columns.
std::string help_text(std::string_view usage, int width = 100, Program program = Program::kTrain);

/// Every key that the run knows, in table order, as a config file that parses back to the same configuration; stored in
/// the timing log.
std::string to_text(const RunConfig& config);

/// 16 hexadecimal digits: xxh3 over the canonical text of the keys that make the run what it is (not `output`, not
/// [slurm], and not the file's name).
std::string config_digest(const RunConfig& config);

}  // namespace trainyard::config
