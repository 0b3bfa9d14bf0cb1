#include <fmt/format.h>
#include <fmt/ostream.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "batch/launch_plan.h"
#include "batch/quote.h"
#include "batch/supervise.h"
#include "batch/surroundings.h"
#include "core/error.h"
#include "core/file.h"
#include "core/flight_recorder.h"
#include "core/main.h"
#include "core/signals.h"
#include "core/text.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/launch [-n RANKS] [--launcher auto|srun|mpirun] [--requeue] [--dry-run] -- CMD [ARG ...]\n\n"
    "Starts CMD on every rank and ends with its exit status: within a Slurm job by srun, or by mpirun where srun has "
    "no\n"
    "PMIx; elsewhere by mpirun, and CMD alone for one rank. Without -n: the tasks of the job, or one rank.\n"
    "Where a rank dies, says which one and what the others waited for. USR2 goes on to the ranks: a run of tools/train "
    "then\n"
    "saves a checkpoint and stops, and this program ends with status 75: the same command goes on from there.\n"
    "Sets OMP_NUM_THREADS (the cores of one rank, unless it is set) and TRAINYARD_EXPECTED_RANKS.\n";

struct Arguments {
  batch::LaunchRequest request;
  bool dry_run = false;
  bool requeue = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

batch::LauncherKind launcher_kind(const std::string& name) {
  if (name == "auto") return batch::LauncherKind::kAuto;
  if (name == "srun") return batch::LauncherKind::kSrun;
  if (name == "mpirun") return batch::LauncherKind::kMpirun;
  throw core::UsageError(fmt::format("--launcher {}: auto, srun or mpirun", name));
}

int rank_count(const std::string& text) {
  const auto count = core::parse_int64(text);
  if (!count || *count < 1 || *count > 100'000) throw core::UsageError(fmt::format("-n {}: 1 to 100000", text));
  return static_cast<int>(*count);
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  const auto separator = std::ranges::find(words, "--");
  po::options_description shown("Options");
  std::string ranks;
  std::string launcher = "auto";
  shown.add_options()                                                              //
      ("ranks,n", po::value(&ranks)->value_name("RANKS"), "ranks to start")        //
      ("launcher", po::value(&launcher)->value_name("L"), "auto, srun or mpirun")  //
      ("requeue", po::bool_switch(&arguments.requeue),
       "have Slurm start this job (of an array: this task) again if the run stops because it was asked to")  //
      ("dry-run", po::bool_switch(&arguments.dry_run), "print what would be executed, and end")              //
      ("help,h", po::bool_switch(&arguments.help), "print this and end")                                     //
      ("version", po::bool_switch(&arguments.version), "print the version and end");
  namespace style = po::command_line_style;
  try {
    po::variables_map values;
    const auto parsed =
        po::command_line_parser(std::vector<std::string>(words.begin(), separator))
            .options(shown)
            .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next | style::allow_short |
                   style::allow_dash_for_short | style::short_allow_next | style::short_allow_adjacent)
            .run();
    for (const po::option& option : parsed.options) {
      if (option.position_key >= 0) {
        throw core::UsageError(fmt::format("'{}': write -- before the command", option.value.front()));
      }
    }
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::error& error) {
    throw core::UsageError(fmt::format("{}; see --help", error.what()));
  }
  arguments.help_text = fmt::format("{}\n{}", kUsage, fmt::streamed(shown));
  if (arguments.help || arguments.version) return arguments;
  arguments.request.launcher = launcher_kind(launcher);
  if (!ranks.empty()) arguments.request.ranks = rank_count(ranks);
  if (separator != words.end()) arguments.request.command.assign(separator + 1, words.end());
  if (arguments.request.command.empty()) throw core::UsageError("no command: tools/launch [-n RANKS] -- CMD [ARG ...]");
  return arguments;
}

void require_command(const std::string& program, const batch::Surroundings& surroundings) {
  // srun and mpirun would take it for an option of theirs.
  if (program.starts_with("-")) throw core::UsageError(fmt::format("{}: a command cannot begin with -", program));
  const auto path = surroundings.environment.find("PATH");
  if (!batch::find_program(program, path == surroundings.environment.end() ? "" : path->second)) {
    throw core::UsageError(fmt::format("{}: no such program{}", program,
                                       program.find('/') == std::string::npos ? " on the PATH" : " here"));
  }
}

void print_plan(const batch::LaunchPlan& plan) {
  std::vector<std::string> words;
  for (const auto& [name, value] : plan.environment)
    words.push_back(name + "=" + batch::bash_word(value, name));
  for (const std::string& argument : plan.arguments)
    words.push_back(batch::bash_word(argument, "argument"));
  fmt::print("{}\n", fmt::join(words, " "));
}

/// The file in which rank 0 of a run leaves where its ranks' records lie, for as long as this process runs.
class LaunchNote {
 public:
  LaunchNote() {
    path_ = (std::filesystem::temp_directory_path() / "trainyard-launch-XXXXXX").string();
    const int descriptor = mkstemp(path_.data());
    if (descriptor < 0)
      path_.clear();  // then nothing is explained
    else
      close(descriptor);
  }
  ~LaunchNote() { std::remove(path_.c_str()); }
  LaunchNote(const LaunchNote&) = delete;
  LaunchNote& operator=(const LaunchNote&) = delete;

  const std::string& path() const { return path_; }
  std::string content() const { return path_.empty() ? "" : core::read_file(path_); }

 private:
  std::string path_;
};

/// Whether the run stopped because it was asked to, and wants to be started again.
bool has_stopped(const LaunchNote& note, int status) {
  if (status == core::kStoppedStatus) return true;
  const std::string folder(core::trim(note.content()));
  // Whatever the status: mpirun that gets SIGTERM itself ends with 1, however well its ranks ended.
  return !folder.empty() && std::filesystem::exists(std::filesystem::path(folder) / core::kStoppedMark);
}

/// Hands the job back to Slurm, which ends this process when it takes it.
void requeue(const batch::Surroundings& surroundings) {
  const auto value = [&](const char* name) {
    const auto found = surroundings.environment.find(name);
    return found == surroundings.environment.end() ? std::string() : found->second;
  };
  const std::string array = value("SLURM_ARRAY_JOB_ID");
  const std::string job = array.empty() ? value("SLURM_JOB_ID") : array + "_" + value("SLURM_ARRAY_TASK_ID");
  if (job.empty()) throw core::UsageError("--requeue: not within a Slurm job: leave it out");
  batch::LaunchPlan plan;
  plan.arguments = {"scontrol", "requeue", job};
  if (const int status = batch::supervise(plan); status != 0) {
    throw core::Error(
        fmt::format("scontrol requeue {} ended with status {}: submit the job again by hand, with "
                    "--output set to its results folder",
                    job, status));
  }
}

/// Names the rank that died, if the ranks' records tell and no rank has said why the run failed: all may have been
/// ended before they could.
void explain(const LaunchNote& note) {
  const std::string folder(core::trim(note.content()));
  if (folder.empty()) return;  // not a run of ours, or it did not come to training
  const std::vector<core::RecordedRank> ranks = core::read_flight_records(folder);
  // One that failed has said why, also where the disk took no failure.txt; those killed after it are not the cause.
  if (std::ranges::any_of(ranks, [](const auto& rank) { return rank.state == core::RankState::kFailed; })) return;
  const std::string line = core::explain_stall(ranks);
  if (!line.empty() && core::claim_failure(folder, line)) fmt::print(stderr, "launch: {}\n", line);
}

int run(const std::vector<std::string>& words) {
  const Arguments arguments = parse(words);
  if (arguments.help) {
    fmt::print("{}", arguments.help_text);
    return 0;
  }
  if (arguments.version) {
    fmt::print("launch (trainyard) {}\n", TRAINYARD_VERSION);
    return 0;
  }
  batch::Surroundings surroundings = batch::current_surroundings();
  require_command(arguments.request.command.front(), surroundings);
  if (!arguments.dry_run) surroundings.environment[core::kLaunchNote];  // for mpirun to pass on; its value comes below
  batch::LaunchPlan plan = batch::plan_launch(arguments.request, surroundings);
  for (const std::string& remark : plan.notes)
    fmt::print(stderr, "launch: {}\n", remark);
  if (arguments.dry_run) {
    print_plan(plan);
    return 0;
  }
  if (plan.environment.at(batch::kExpectedRanks) == "1" && !arguments.requeue) batch::execute(plan);
  const LaunchNote note;
  plan.environment[core::kLaunchNote] = note.path();
  const int status = batch::supervise(plan);
  if (has_stopped(note, status)) {
    if (arguments.requeue) requeue(surroundings);
    return core::kStoppedStatus;
  }
  if (status != 0) explain(note);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "launch", run);
}
