#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "batch/generation.h"
#include "batch/line_diff.h"
#include "batch/quote.h"
#include "config/options.h"
#include "core/error.h"
#include "core/main.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/generate [--site S] [--account A] [--check] [--diff] [CONFIG ...]\n\n"
    "Writes slurm/NAME.sbatch for every CONFIG, or for all of slurm/configs that have a [slurm] section;\n"
    "for another site than generic, slurm/SITE/NAME.sbatch. Works on the checkout that it is called in.\n";

struct Arguments {
  batch::GenerationRequest request;
  bool check = false;
  bool diff = false;
  bool keys = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

Arguments parse(const std::vector<std::string>& words) {
  po::options_description shown("Options");
  Arguments arguments;
  shown.add_options()  //
      ("site", po::value(&arguments.request.site)->value_name("S")->default_value(batch::kDefaultSite),
       "a file of slurm/sites")                                                                                     //
      ("account", po::value(&arguments.request.account)->value_name("A"), "account for all files")                  //
      ("check", po::bool_switch(&arguments.check), "write nothing; exit 1 when a file is not what it ought to be")  //
      ("diff", po::bool_switch(&arguments.diff), "write nothing; show what would change")                           //
      ("keys", po::bool_switch(&arguments.keys), "print docs/configuration.md: every key of a config")              //
      ("help", po::bool_switch(&arguments.help), "print this and end")                                              //
      ("version", po::bool_switch(&arguments.version), "print the version and end");
  po::options_description all;
  std::vector<std::string> configs;
  all.add(shown).add_options()("config", po::value(&configs));
  namespace style = po::command_line_style;
  try {
    po::variables_map values;
    po::store(po::command_line_parser(words)
                  .options(all)
                  .positional(po::positional_options_description().add("config", -1))
                  .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
                  .run(),
              values);
    po::notify(values);
  } catch (const po::error& error) {
    throw core::UsageError(fmt::format("{}; see --help", error.what()));
  }
  for (const std::string& config : configs) {
    // Without short options the library takes -x for a file.
    if (config == "-h") {
      arguments.help = true;
      continue;
    }
    if (config.starts_with("-")) throw core::UsageError(fmt::format("unknown option {}; see --help", config));
    arguments.request.configs.emplace_back(config);
  }
  arguments.help_text = fmt::format("{}\n{}", kUsage, fmt::streamed(shown));
  return arguments;
}

/// The checkout that the user stands in, and from elsewhere the one that this program was built in.
std::filesystem::path root_folder() {
  const auto here = batch::find_root(std::filesystem::current_path());
  const auto own = batch::find_root(std::filesystem::read_symlink("/proc/self/exe").parent_path());
  if (!here && !own) throw core::UsageError("no slurm/sites here or in any folder above: run this in the checkout");
  return here ? *here : *own;
}

std::string_view describe(batch::Drift drift) {
  switch (drift) {
    case batch::Drift::kNone:
      return "is up to date";
    case batch::Drift::kMissing:
      return "is missing";
    case batch::Drift::kDiffers:
      return "differs from its config";
    case batch::Drift::kOrphan:
      return "has no config any more: remove it";
  }
  return "";
}

std::string diff_of(const batch::FileState& state, const std::vector<batch::GeneratedFile>& files) {
  std::string wanted;
  for (const batch::GeneratedFile& file : files) {
    if (file.path == state.path) wanted = file.text;
  }
  return batch::line_diff(state.on_disk, wanted, state.path.string(), state.path.string() + " (generated)");
}

/// The first three, and how many more there are.
std::string few_of(const std::vector<std::string>& items) {
  constexpr std::size_t kMostNamed = 3;
  const std::size_t named = std::min(items.size(), kMostNamed);
  std::string text =
      fmt::format("{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(named), "; "));
  if (items.size() > named) text += fmt::format("; and {} more", items.size() - named);
  return text;
}

/// What the user typed, without --check.
std::string command_again(const batch::GenerationRequest& request) {
  std::string command = batch::generate_command(request);
  for (const std::filesystem::path& config : request.configs)
    command += " " + batch::bash_word(config.string(), "config");
  return command;
}

int run(const std::vector<std::string>& words) {
  Arguments arguments = parse(words);
  if (arguments.help) {
    fmt::print("{}", arguments.help_text);
    return 0;
  }
  if (arguments.version) {
    fmt::print("generate (trainyard) {}\n", TRAINYARD_VERSION);
    return 0;
  }
  if (arguments.keys) {
    fmt::print("{}", config::markdown_reference());
    return 0;
  }
  arguments.request.root = root_folder();
  const std::vector<batch::GeneratedFile> files = batch::generate(arguments.request);
  const std::vector<batch::FileState> states = batch::compare(arguments.request, files);
  std::vector<std::string> drifted;
  for (const batch::FileState& state : states) {
    if (state.drift == batch::Drift::kNone) continue;
    drifted.push_back(fmt::format("{} {}", state.path.string(), describe(state.drift)));
    if (arguments.diff) fmt::print("{}", diff_of(state, files));
  }
  if (arguments.check) {
    if (drifted.empty()) return 0;
    throw core::Error(fmt::format("{}: run {}", few_of(drifted), command_again(arguments.request)));
  }
  if (arguments.diff) return 0;
  for (const batch::GeneratedFile& file : files)
    batch::refuse_strangers(arguments.request, file);
  for (std::size_t i = 0; i < files.size(); ++i) {  // states begins with those of the files
    if (states[i].drift == batch::Drift::kNone) continue;
    batch::write(arguments.request, files[i]);
    fmt::print("wrote {}\n", files[i].path.string());
  }
  for (const batch::FileState& state : states) {
    if (state.drift == batch::Drift::kOrphan) fmt::print("{} {}\n", state.path.string(), describe(state.drift));
  }
  if (drifted.empty()) fmt::print("{} files are up to date\n", files.size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "generate", run);
}
