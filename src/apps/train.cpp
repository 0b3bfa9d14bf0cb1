#include <fmt/format.h>

#include <exception>
#include <string>
#include <vector>

#include "config/parse.h"
#include "core/error.h"
#include "core/main.h"
#include "training/run.h"

namespace {

using trainyard::config::CommandLine;

constexpr const char* kUsage = "train --config FILE [--key value ...]";

int train(const std::vector<std::string>& arguments) {
  CommandLine command_line;
  std::exception_ptr refusal;
  try {
    command_line = trainyard::config::parse_command_line(arguments);
  } catch (const trainyard::core::UsageError&) {
    refusal = std::current_exception();
  }
  switch (command_line.action) {
    case CommandLine::Action::kHelp:
      fmt::print("{}", trainyard::config::help_text(kUsage));
      return 0;
    case CommandLine::Action::kVersion:
      fmt::print("train {}\n", TRAINYARD_VERSION);
      return 0;
    case CommandLine::Action::kRun:
      break;
  }
  return trainyard::training::run([&] {
    if (refusal) std::rethrow_exception(refusal);
    return command_line.config;
  });
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "train", train);
}
