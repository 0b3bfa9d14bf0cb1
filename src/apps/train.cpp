#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "config/parse.h"
#include "core/error.h"
#include "core/main.h"
#include "training/batch_probe.h"
#include "training/run.h"

namespace {

using trainyard::config::CommandLine;

constexpr const char* kUsage = "train --config FILE [--key value ...]";

int train(const std::vector<std::string>& arguments) {
  CommandLine command_line;
  std::optional<std::string> refusal;
  try {
    command_line = trainyard::config::parse_command_line(arguments);
  } catch (const trainyard::core::UsageError& error) {
    refusal = error.what();
  }
  switch (command_line.action) {
    case CommandLine::Action::kHelp:
      fmt::print("{}", trainyard::config::help_text(kUsage));
      return 0;
    case CommandLine::Action::kVersion:
      fmt::print("train (trainyard) {}\n", TRAINYARD_VERSION);
      return 0;
    case CommandLine::Action::kProbeBatch:
      return trainyard::training::probe_batch(command_line.config, command_line.probe_memory_mib);
    case CommandLine::Action::kRun:
      break;
  }
  return trainyard::training::run(command_line.config, refusal);
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "train", train);
}
