#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <optional>
#include <set>
#include <span>
#include <sstream>

#include "config/key_values.h"
#include "config/options.h"
#include "config/slurm_units.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

namespace po = boost::program_options;

constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::size_t kMaxNameBytes = 100;

/// A name becomes a folder, a job name and part of file patterns, where % and # would be cut or expanded.
bool is_run_name(std::string_view name) {
  const auto is_alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= kMaxNameBytes && is_alphanumeric(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
}

constexpr std::array<std::string_view, 2> kSections{"inference", "slurm"};

/// What a key that the table does not know may have been meant as.
std::string mend_of(std::string_view key) {
  for (const std::string_view section : kSections) {
    if (find_option(fmt::format("{}.{}", section, key)) != nullptr)
      return fmt::format(": it belongs under [{}]", section);
  }
  return suggestion(key, "");
}

void open_section(RunConfig& config, const std::string& section, std::string_view origin) {
  if (section == "inference") {
    config.inference.emplace();
  } else if (section == "slurm") {
    config.slurm.emplace();
  } else {
    const auto near = core::nearest(section, std::span<const std::string_view>(kSections));
    throw core::UsageError(fmt::format("{}: unknown section [{}]{}: only [inference] and [slurm] are some", origin,
                                       section, near ? fmt::format(" (did you mean [{}]?)", *near) : std::string()));
  }
}

/// Whether a run of this configuration reads the key.
bool concerns(const Option& option, const RunConfig& config) {
  if (option.in_slurm_section()) return config.slurm.has_value();
  return config.inference ? option.in_inference : !option.in_inference_section();
}

RunConfig apply_text(std::string_view text, std::string_view origin, std::string_view name) {
  RunConfig config;
  config.name = name;
  const KeyValueText file = read_key_values(text, origin);
  for (const std::string& section : file.sections)
    open_section(config, section, origin);
  for (const KeyValue& entry : file.entries) {
    const Option* option = find_option(entry.key);
    if (option == nullptr) {
      throw core::UsageError(fmt::format("{}:{}: unknown key {}{}", origin, entry.line, entry.key, mend_of(entry.key)));
    }
    if (!concerns(*option, config)) {
      throw core::UsageError(fmt::format("{}:{}: {} is a key of training, and a file with [inference] is not for that",
                                         origin, entry.line, entry.key));
    }
    try {
      option->set(config, entry.value);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("{}:{}: {}: {}", origin, entry.line, option->name(), error.what()));
    }
  }
  return config;
}

RunConfig apply_file(const std::filesystem::path& file) {
  const std::string name = file.stem().string();
  if (!is_run_name(name)) {
    throw core::UsageError(fmt::format(
        "{}: a config's name may hold letters, digits, '.', '_' and '-', and begins with a letter or digit: rename it",
        file.string()));
  }
  std::string text;
  try {
    text = core::read_file(file, kMaxFileBytes);
  } catch (const core::Error& error) {
    throw core::UsageError(error.what());
  }
  return apply_text(text, file.string(), name);
}

void validate_as(const RunConfig& config, std::string_view origin) {
  try {
    validate(config);
  } catch (const core::UsageError& error) {
    throw core::UsageError(origin.empty() ? error.what() : fmt::format("{}: {}", origin, error.what()));
  }
}

bool on_command_line(const Option& option, Program program) {
  if (program == Program::kInfer) return option.in_inference;
  return option.section().empty();
}

/// The key of the table that --NAME sets.
const Option* find_by_name(std::string_view name, Program program) {
  for (const Option& option : option_table()) {
    if (option.name() == name && on_command_line(option, program)) return &option;
  }
  return nullptr;
}

po::options_description command_line_options(unsigned width, Program program) {
  po::options_description options("Options", width, width / 2);
  options.add_options()("config", po::value<std::string>()->value_name("FILE"), "config file; the options below win");
  for (const Option& option : option_table()) {
    if (!on_command_line(option, program)) continue;
    auto* value = po::value<std::string>()->value_name(option.allowed);
    if (const std::string text = option.default_value(); !text.empty()) value->default_value(text);
    options.add_options()(std::string(option.name()).c_str(), value,
                          (option.help + (option.unit.empty() ? "" : " [" + option.unit + "]")).c_str());
  }
  if (program == Program::kTrain) {
    options.add_options()("probe-batch", "print the largest batch-size that fits, found by trial steps, and end")(
        "probe-memory", po::value<std::string>()->value_name(std::string(kMemoryForm)),
        "with --probe-batch: memory for tensors; without: all of a CUDA device's");
  }
  options.add_options()("help", "print this and end")("version", "print the version and end");
  return options;
}

/// The option `--X` of an error of the library, without dashes and value.
std::string_view bare(std::string_view token) {
  token.remove_prefix(std::min(token.find_first_not_of('-'), token.size()));
  return token.substr(0, token.find('='));
}

std::string unknown_option(std::string_view key, Program program) {
  if (key.starts_with("slurm.")) {
    return fmt::format("--{} is a request to Slurm: give it to sbatch, or write it into the config's [slurm]", key);
  }
  const Program other = program == Program::kTrain ? Program::kInfer : Program::kTrain;
  if (find_by_name(key, other) != nullptr) {
    return fmt::format("--{} is of {}", key, other == Program::kTrain ? "training: tools/train" : "tools/infer");
  }
  return fmt::format("unknown option --{}{}", key, suggestion(key, "--", program == Program::kInfer));
}

std::vector<po::option> split_arguments(const std::vector<std::string>& arguments, Program program) {
  namespace style = po::command_line_style;
  // Not allow_guessing: it would take --s for the only key that begins so.
  constexpr int kStyle = style::allow_long | style::long_allow_adjacent | style::long_allow_next;
  const po::options_description known = command_line_options(po::options_description::m_default_line_length, program);
  try {
    return po::command_line_parser(arguments).options(known).style(kStyle).run().options;
  } catch (const po::unknown_option& error) {
    const std::string name = error.get_option_name();
    throw core::UsageError(unknown_option(bare(name), program));
  } catch (const po::error& error) {
    throw core::UsageError(error.what());
  }
}

std::int64_t probe_memory_mib(const std::string& text) {
  try {
    return parse_memory_mib(text);
  } catch (const core::UsageError& error) {
    throw core::UsageError(fmt::format("--probe-memory: {}", error.what()));
  }
}

}  // namespace

RunConfig parse_text(std::string_view text, std::string_view origin, std::string_view name) {
  RunConfig config = apply_text(text, origin, name);
  validate_as(config, origin);
  return config;
}

RunConfig parse_file(const std::filesystem::path& file) {
  RunConfig config = apply_file(file);
  validate_as(config, file.string());
  return config;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments, Program program) {
  CommandLine result;
  std::string file;
  std::vector<std::pair<const Option*, std::string>> overrides;
  std::set<std::string> seen;
  for (const po::option& given : split_arguments(arguments, program)) {
    if (given.position_key >= 0) {
      throw core::UsageError(fmt::format("unexpected argument '{}': options are --key value", given.value.front()));
    }
    if (!seen.insert(given.string_key).second) {
      throw core::UsageError(fmt::format("--{} is given twice", given.string_key));
    }
    if (given.string_key == "help") {
      result.action = CommandLine::Action::kHelp;
      return result;
    }
    if (given.string_key == "version") {
      result.action = CommandLine::Action::kVersion;
      return result;
    }
    if (given.string_key == "probe-batch") {
      result.action = CommandLine::Action::kProbeBatch;
      continue;
    }
    // The library takes the word behind an option as its value whatever it looks like.
    if (given.value.front().starts_with("--")) {
      throw core::UsageError(fmt::format("--{} has no value: '{}' follows it", given.string_key, given.value.front()));
    }
    if (given.string_key == "config") {
      file = given.value.front();
    } else if (given.string_key == "probe-memory") {
      result.probe_memory_mib = probe_memory_mib(given.value.front());
    } else {
      overrides.emplace_back(find_by_name(given.string_key, program), given.value.front());
    }
  }
  if (seen.contains("probe-memory") && !seen.contains("probe-batch")) {
    throw core::UsageError("--probe-memory belongs to --probe-batch: give both");
  }
  if (seen.contains("config")) {
    result.config = apply_file(file);
  } else {
    result.config.name = "run";
  }
  if (program == Program::kTrain && result.config.inference) {
    throw core::UsageError(fmt::format("{}: has a section [inference]: it is for tools/infer", file));
  }
  if (program == Program::kInfer && !result.config.inference) result.config.inference.emplace();
  for (const auto& [option, value] : overrides) {
    try {
      option->set(result.config, value);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("--{}: {}", option->name(), error.what()));
    }
  }
  validate_as(result.config, file);
  return result;
}

std::string help_text(std::string_view usage, int width, Program program) {
  std::ostringstream text;
  text << usage << "\n\n"
       << command_line_options(static_cast<unsigned>(std::clamp(width, 60, 120)), program)
       << "\nAll keys, with those of [slurm]: docs/configuration.md\n";
  return text.str();
}

std::string to_text(const RunConfig& config) {
  std::string text;
  std::string_view section;
  for (const Option& option : option_table()) {
    if (!concerns(option, config)) continue;
    if (section != option.section()) text += fmt::format("[{}]\n", section = option.section());
    text += fmt::format("{} = {}\n", option.name(), option.get(config));
  }
  return text;
}

std::string config_digest(const RunConfig& config) {
  std::string text;
  for (const Option& option : option_table()) {
    if (option.in_digest && concerns(option, config)) text += fmt::format("{} = {}\n", option.key, option.get(config));
  }
  return core::xxh3_64_hex(text);
}

}  // namespace trainyard::config
