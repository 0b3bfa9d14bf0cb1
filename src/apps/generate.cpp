#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/generation.h"
#include "batch/line_diff.h"
#include "batch/quote.h"
#include "batch/script_parts.h"
#include "batch/submit.h"
#include "batch/surroundings.h"
#include "config/options.h"
#include "core/error.h"
#include "core/main.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/generate [--site S] [--account A] [--check | --diff | --submit] [--dry-run] [CONFIG ...]\n\n"
    "Writes slurm/NAME.sbatch for every CONFIG, and the files of every study among them into slurm/studies/NAME;\n"
    "without CONFIG, for all of slurm/configs and slurm/studies that have a [slurm] section. For another site than\n"
    "generic they go to slurm/SITE. Works on the checkout that it is called in.\n";

struct Arguments {
  batch::GenerationRequest request;
  bool check = false;
  bool diff = false;
  bool submit = false;
  bool dry_run = false;
  bool keys = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

Arguments parse(const std::vector<std::string>& words) {
  po::options_description shown("Options");
  Arguments arguments;
  shown.add_options()  //
      ("site", po::value(&arguments.request.site)->value_name("S")->default_value(std::string(batch::kDefaultSite)),
       "a file of slurm/sites")                                                                     //
      ("account", po::value(&arguments.request.account)->value_name("A"), "account for all files")  //
      ("constraint", po::value(&arguments.request.constraint)->value_name("C"),
       "for files that ask for GPUs and name no kind")                                                              //
      ("check", po::bool_switch(&arguments.check), "write nothing; exit 1 when a file is not what it ought to be")  //
      ("diff", po::bool_switch(&arguments.diff), "write nothing; show what would change")                           //
      ("submit", po::bool_switch(&arguments.submit),
       "write the files, hand them to sbatch and print the jobs; a study's collect job waits for all others")  //
      ("dry-run", po::bool_switch(&arguments.dry_run),
       "do nothing; say what would be written, and with --submit what would be submitted")              //
      ("keys", po::bool_switch(&arguments.keys), "print docs/configuration.md: every key of a config")  //
      ("help", po::bool_switch(&arguments.help), "print this and end")                                  //
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
  if (arguments.submit && (arguments.check || arguments.diff)) {
    throw core::UsageError("--submit writes files, --check and --diff do not: give one of them");
  }
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

/// Takes what a job must not inherit out of this process's environment, and says so.
void scrub_environment(const std::map<std::string, std::string>& environment) {
  const std::vector<std::string> leaked = batch::leaked_variables(environment);
  for (const std::string& name : leaked)
    unsetenv(name.c_str());
  if (!leaked.empty()) fmt::print(stderr, "generate: kept from the jobs: {}\n", fmt::join(leaked, " "));
}

/// What the files are submitted with; checked before anything is written.
class Submission {
 public:
  Submission(const batch::GenerationRequest& request, const std::vector<batch::GeneratedFile>& files)
      : request_(request), files_(files), environment_(batch::current_surroundings().environment) {
    if (request.configs.empty()) throw core::UsageError("--submit: name the configs or studies to submit");
    account_ = request.account;
    const auto variable = environment_.find("SBATCH_ACCOUNT");
    if (account_.empty() && variable != environment_.end()) account_ = variable->second;
    batch::validate_submission(files, batch::find_site(request.root / "slurm" / "sites", request.site), account_);
  }

  void show() const {
    const auto print = [](const std::vector<std::string>& command) {
      fmt::print("would run{}\n", batch::bash_words(command));
      return fmt::format("JOB-OF-{}", std::filesystem::path(command.back()).stem().string());
    };
    batch::submit(files_, account_, print, [](const batch::SubmittedJob&) {});
  }

  void carry_out() const {
    scrub_environment(environment_);
    // A job finds the checkout by where it was submitted from, and fails without a word where it cannot write.
    std::filesystem::current_path(request_.root);
    std::filesystem::create_directories("results");
    batch::submit(files_, account_, batch::run_sbatch, [](const batch::SubmittedJob& job) {
      fmt::print("{}: job {}\n", job.file.string(), job.id);
      std::fflush(stdout);
    });
  }

 private:
  const batch::GenerationRequest& request_;
  const std::vector<batch::GeneratedFile>& files_;
  std::map<std::string, std::string> environment_;
  std::string account_;
};

/// The files that are not what they ought to be, each with what is wrong with it.
std::vector<std::string> drifted(const std::vector<batch::FileState>& states) {
  std::vector<std::string> result;
  for (const batch::FileState& state : states) {
    if (state.drift != batch::Drift::kNone) {
      result.push_back(fmt::format("{} {}", state.path.string(), describe(state.drift)));
    }
  }
  return result;
}

void show_diffs(const std::vector<batch::FileState>& states, const std::vector<batch::GeneratedFile>& files) {
  std::map<std::filesystem::path, std::string_view> wanted;
  for (const batch::GeneratedFile& file : files)
    wanted.emplace(file.path, file.text);
  for (const batch::FileState& state : states) {
    if (state.drift == batch::Drift::kNone) continue;
    fmt::print("{}", batch::line_diff(state.on_disk, wanted[state.path], state.path.string(),
                                      state.path.string() + " (generated)"));
  }
}

/// Writes those that are not up to date, or only says so.
void write_files(const Arguments& arguments, const std::vector<batch::GeneratedFile>& files,
                 const std::vector<batch::FileState>& states) {
  for (const batch::GeneratedFile& file : files)
    batch::refuse_strangers(arguments.request, file);
  for (std::size_t i = 0; i < files.size(); ++i) {  // states begins with those of the files
    if (states[i].drift == batch::Drift::kNone) continue;
    if (!arguments.dry_run) batch::write(arguments.request, files[i]);
    fmt::print("{} {}\n", arguments.dry_run ? "would write" : "wrote", files[i].path.string());
  }
  for (const batch::FileState& state : states) {
    if (state.drift == batch::Drift::kOrphan) fmt::print("{} {}\n", state.path.string(), describe(state.drift));
  }
}

int generate(Arguments& arguments) {
  arguments.request.root = root_folder();
  const std::vector<batch::GeneratedFile> files = batch::generate(arguments.request);
  std::optional<Submission> submission;
  if (arguments.submit) submission.emplace(arguments.request, files);
  const std::vector<batch::FileState> states = batch::compare(arguments.request, files);
  const std::vector<std::string> wrong = drifted(states);
  if (arguments.diff) show_diffs(states, files);
  if (arguments.check && !wrong.empty()) {
    throw core::Error(fmt::format("{}: run {}", few_of(wrong), command_again(arguments.request)));
  }
  if (arguments.check || arguments.diff) return 0;
  write_files(arguments, files, states);
  if (wrong.empty() && !submission) fmt::print("{} files are up to date\n", files.size());
  if (submission) arguments.dry_run ? submission->show() : submission->carry_out();
  return 0;
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
  return generate(arguments);
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "generate", run);
}
