#include "config/parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options/cmdline.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <tuple>

#include "config/config_file.h"
#include "config/options.h"
#include "config/slurm_units.h"
#include "config/study.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

namespace po = boost::program_options;

/// The file's keys, each as it stands there.
RunConfig apply(const ConfigFile& file) {
  RunConfig config;
  config.name = file.name;
  open_sections(config, file);
  for (const KeyValue& entry : file.text.entries)
    set_at_line(config, option_of(entry, file, config), entry.value, file.origin, entry.line);
  return config;
}

RunConfig apply_alone(const ConfigFile& file) {
  if (is_study(file)) {
    throw core::UsageError(fmt::format("{}: is a study: tools/generate makes its runs", file.origin));
  }
  return apply(file);
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
  options.add_options()("config", po::value<std::string>()->value_name("FILE"), "config file; the options below win")(
      "name", po::value<std::string>()->value_name("NAME"), "the run's name; without: that of the config file");
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

std::string run_name(const std::string& text) {
  if (!is_run_name(text)) {
    throw core::UsageError(fmt::format("--name: '{}' is not allowed: {}", core::one_line(text), kRunNameForm));
  }
  return text;
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
  RunConfig config = apply_alone(read_config_text(text, origin, name));
  validate_as(config, origin);
  return config;
}

RunConfig parse_file(const std::filesystem::path& file) {
  RunConfig config = apply_alone(read_config_file(file));
  validate_as(config, file.string());
  return config;
}

CommandLine parse_command_line(const std::vector<std::string>& arguments, Program program) {
  CommandLine result;
  std::string file;
  std::string name;
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
    } else if (given.string_key == "name") {
      name = run_name(given.value.front());
    } else if (given.string_key == "probe-memory") {
      result.probe_memory_mib = probe_memory_mib(given.value.front());
    } else {
      overrides.emplace_back(find_by_name(given.string_key, program), given.value.front());
    }
  }
  if (seen.contains("probe-memory") && !seen.contains("probe-batch")) {
    throw core::UsageError("--probe-memory belongs to --probe-batch: give both");
  }
  std::vector<const Option*> undecided;
  if (seen.contains("config")) {
    const ConfigFile read = read_config_file(file);
    if (is_study(read)) {
      std::tie(result.config, undecided) = decided_part(read);
    } else {
      result.config = apply(read);
    }
  } else {
    result.config.name = "run";
  }
  if (!name.empty()) result.config.name = name;
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
  for (const Option* option : undecided) {
    if (!on_command_line(*option, program) || seen.contains(std::string(option->name()))) continue;
    throw core::UsageError(fmt::format("{}: {} has a value for each run of the study: give one with --{}", file,
                                       option->name(), option->name()));
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
