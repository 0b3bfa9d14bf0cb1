#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "comm/bootstrap.h"
#include "comm/values.h"
#include "config/enum_names.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/logging.h"
#include "core/main.h"
#include "doctor/examine.h"
#include "training/run_folder.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/launch [-n RANKS] -- tools/doctor [--results DIR] [--device D] [--json]\n\n"
    "Looks, in some seconds, at what a run on these ranks would meet: MPI's size against what Slurm promised, each\n"
    "rank's CPUs and GPU, which GPUs read each other's memory, the network that NCCL would use, whether results can "
    "be\n"
    "written and locked, free space, and a short all-reduce sweep. Exit status 1 where something would not work.\n";

struct Arguments {
  std::string results = "results";
  config::DeviceKind device = config::DeviceKind::kAuto;
  bool json = false;
  bool help = false;
  bool version = false;
  std::string help_text;
};

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  po::options_description shown("Options");
  std::string device = "auto";
  shown.add_options()                                                                                         //
      ("results", po::value(&arguments.results)->value_name("DIR"), "where runs would be written (results)")  //
      ("device", po::value(&device)->value_name("D"), "auto (default), cpu or cuda")                          //
      ("json", po::bool_switch(&arguments.json),
       "also write DIR/doctor-JOB.json, which tools/collect shows beside the runs")  //
      ("help,h", po::bool_switch(&arguments.help), "print this and end")             //
      ("version", po::bool_switch(&arguments.version), "print the version and end");
  namespace style = po::command_line_style;
  try {
    po::variables_map values;
    const auto parsed = po::command_line_parser(words)
                            .options(shown)
                            .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next |
                                   style::allow_short | style::allow_dash_for_short | style::short_allow_next)
                            .run();
    for (const po::option& option : parsed.options) {
      if (option.position_key >= 0)
        throw core::UsageError(fmt::format("unexpected argument '{}'; see --help", option.value.front()));
    }
    po::store(parsed, values);
    po::notify(values);
  } catch (const po::error& error) {
    throw core::UsageError(fmt::format("{}; see --help", error.what()));
  }
  arguments.help_text = fmt::format("{}\n{}", kUsage, fmt::streamed(shown));
  const auto kind = config::from_name<config::DeviceKind>(device);
  if (!kind) throw core::UsageError(fmt::format("--device {}: auto, cpu or cuda", device));
  arguments.device = *kind;
  return arguments;
}

void show(const doctor::Diagnosis& diagnosis, const Arguments& arguments) {
  fmt::print("{}", doctor::to_table(diagnosis));
  std::fflush(stdout);
  const auto no_results = [](const doctor::Finding& finding) {
    return finding.check == "results" && finding.level == doctor::Level::kError;
  };
  // Where nothing can be written the finding says so.
  if (!arguments.json || std::ranges::any_of(diagnosis.findings, no_results)) return;
  const std::filesystem::path file = std::filesystem::path(arguments.results) /
                                     fmt::format("doctor-{}.json", diagnosis.job.empty() ? "local" : diagnosis.job);
  core::write_file_atomically(file, doctor::to_json(diagnosis));
  fmt::print("json: {}\n", file.string());
}

std::string first_error(const doctor::Diagnosis& diagnosis) {
  for (const doctor::Finding& finding : diagnosis.findings) {
    if (finding.level == doctor::Level::kError)
      return fmt::format("{}, {}: {}", finding.check, finding.where, finding.text);
  }
  return {};
}

/// The same error, empty for none, on every rank.
std::string diagnose(const comm::World& world, const Arguments& arguments) {
  const doctor::Diagnosis diagnosis = doctor::examine(world, {arguments.results, training::slurm_job()});
  if (world.rank == 0) show(diagnosis, arguments);
  return comm::broadcast(*world.control, first_error(diagnosis));
}

int run(const std::vector<std::string>& words) {
  Arguments arguments;
  std::optional<std::string> refusal;
  try {
    arguments = parse(words);
  } catch (const core::UsageError& error) {
    refusal = error.what();  // said once, when the ranks have found each other
  }
  if (arguments.help || arguments.version) {
    fmt::print("{}", arguments.help ? arguments.help_text : "doctor (trainyard) " TRAINYARD_VERSION "\n");
    return 0;
  }
  bool speaks = true;
  std::string error;
  try {
    const comm::World world = comm::bootstrap({.device = refusal ? config::DeviceKind::kCpu : arguments.device});
    speaks = world.rank == 0;
    core::set_up_logging(
        {.rank = world.rank, .world_size = world.size, .host = world.node, .level = core::LogLevel::kInfo});
    try {
      if (!refusal) error = diagnose(world, arguments);
    } catch (const std::exception& failure) {
      if (world.size == 1) throw;
      core::log_error(failure.what());  // the others wait for a rank that will not come
      comm::abort_ranks(1);
    }
  } catch (const comm::RefusedElsewhere&) {
    return 2;  // rank 0 says it
  }
  if (refusal && speaks) throw core::UsageError(*refusal);
  if (refusal) return 2;
  if (!error.empty() && speaks) throw core::Error(error);
  return error.empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "doctor", run);
}
