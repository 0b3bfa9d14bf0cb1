#include "data/pack.h"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <array>
#include <boost/program_options.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "config/options.h"
#include "core/error.h"
#include "core/main.h"
#include "core/text.h"

namespace po = boost::program_options;
using namespace trainyard;

namespace {

constexpr const char* kUsage =
    "usage: tools/pack --data NAME [--data-dir DIR] --output FILE [--decode]\n\n"
    "Writes a data set as one file, for file systems that count files; data-dir = FILE then reads the same samples.\n";

/// Keys of a run that say what the samples are; their values are read as everywhere.
constexpr std::array<std::string_view, 7> kKeys{"data", "data-dir",  "image-size", "samples",
                                                "seed", "tokenizer", "max-length"};

struct Arguments {
  config::RunConfig config;
  data::PackedForm form = data::PackedForm::kOriginal;
  std::string output;
  bool help = false;
  bool version = false;
  std::string help_text;
};

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  po::options_description shown("Options");
  for (const std::string_view key : kKeys) {
    const config::Option& option = *config::find_option(key);
    shown.add_options()(option.key.c_str(), po::value<std::string>()->value_name(option.allowed), option.help.c_str());
  }
  bool decode = false;
  shown.add_options()("output", po::value(&arguments.output)->value_name("FILE"),
                      "what to write; replaced if there")                                                      //
      ("decode", po::bool_switch(&decode), "store JPEG files as pixels: larger, and no decoding in training")  //
      ("help", po::bool_switch(&arguments.help), "print this and end")                                         //
      ("version", po::bool_switch(&arguments.version), "print the version and end");
  arguments.help_text = fmt::format("{}\n{}", kUsage, fmt::streamed(shown));
  try {
    namespace style = po::command_line_style;
    po::variables_map values;
    po::store(po::command_line_parser(words)
                  .options(shown)
                  .positional({})
                  .style(style::allow_long | style::long_allow_adjacent | style::long_allow_next)
                  .run(),
              values);
    po::notify(values);
    for (const std::string_view key : kKeys) {
      const auto found = values.find(std::string(key));
      if (found == values.end()) continue;
      try {
        config::find_option(key)->set(arguments.config, found->second.as<std::string>());
      } catch (const core::UsageError& error) {
        throw core::UsageError(fmt::format("--{}: {}", key, error.what()));
      }
    }
    const bool named = values.contains("data");
    if (!arguments.help && !arguments.version && (!named || arguments.output.empty())) {
      throw core::UsageError(fmt::format("{} is missing; see --help", named ? "--output FILE" : "--data NAME"));
    }
  } catch (const po::error& error) {
    throw core::UsageError(fmt::format("{}; see --help", error.what()));
  }
  if (decode) arguments.form = data::PackedForm::kPixels;
  return arguments;
}

int run(const std::vector<std::string>& words) {
  const Arguments arguments = parse(words);
  if (arguments.help) {
    fmt::print("{}", arguments.help_text);
    return 0;
  }
  if (arguments.version) {
    fmt::print("pack (trainyard) {}\n", TRAINYARD_VERSION);
    return 0;
  }
  const data::PackedSummary packed = data::pack(arguments.config, arguments.form, arguments.output);
  fmt::print("wrote {}: {} samples for training, {} for validation, {}\n", arguments.output, packed.train,
             packed.validation, core::format_bytes(packed.bytes));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return core::run_main(argc, argv, "pack", run);
}
