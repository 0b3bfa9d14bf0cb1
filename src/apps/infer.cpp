#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/parse.h"
#include "core/error.h"
#include "core/main.h"
#include "inference/run.h"
#include "report/load.h"
#include "report/report.h"
#include "report/text_writer.h"

namespace {

namespace config = trainyard::config;
namespace report = trainyard::report;
using config::CommandLine;

constexpr const char* kUsage = "infer --config FILE [--key value ...]";

/// The run's own line of what tools/collect shows of it.
void show(const std::filesystem::path& log) {
  report::LogFile file;
  file.path = log;
  report::Collection own;
  own.runs.push_back({"", {report::Start{0, {report::load_log(file)}}}});
  fmt::print("\n{}",
             report::to_text(report::inference_table(report::make_report(std::move(own))), report::style_of_stdout()));
}

int infer(const std::vector<std::string>& arguments) {
  CommandLine command_line;
  std::optional<std::string> refusal;
  try {
    command_line = config::parse_command_line(arguments, config::Program::kInfer);
  } catch (const trainyard::core::UsageError& error) {
    refusal = error.what();
  }
  switch (command_line.action) {
    case CommandLine::Action::kHelp:
      fmt::print("{}", config::help_text(kUsage, 100, config::Program::kInfer));
      return 0;
    case CommandLine::Action::kVersion:
      fmt::print("infer (trainyard) {}\n", TRAINYARD_VERSION);
      return 0;
    case CommandLine::Action::kProbeBatch:
    case CommandLine::Action::kRun:
      break;
  }
  return trainyard::inference::run(command_line.config, refusal, show);
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "infer", infer);
}
