#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/main.h"
#include "core/text.h"
#include "report/format.h"
#include "report/html_writer.h"
#include "report/json_writer.h"
#include "report/load.h"
#include "report/report.h"
#include "report/text_writer.h"

namespace {

namespace core = trainyard::core;
namespace fs = std::filesystem;
namespace report = trainyard::report;

constexpr const char* kHelp = R"(usage: collect DIR... [--format FORMAT[,FORMAT...]] [--output DIR]

Merges the timing logs of every run found below the folders into one report: throughput, step and epoch times, where a
step goes, communication hidden and exposed, speedup and efficiency against single-rank baselines, accuracy.

  DIR              folders that runs were written to, searched at any depth for rank-*.h5
  --format LIST    text (to stdout), html, json, csv; default text,html
  --output DIR     where report.html, report.json and report.csv go; default: report/ in the first DIR
  --help           this text
  --version        the version

Logs that cannot be used are named on stderr and in the report; the others are reported all the same.
Exit status: 0 reported, 1 no usable log or the report could not be written, 2 bad usage.
)";

struct FileFormat {
  std::string_view name;
  std::function<std::string(const report::Report&)> write;
};

const std::array<FileFormat, 3>& file_formats() {
  static const std::array<FileFormat, 3> formats{
      {{"html", report::to_html}, {"json", report::to_json}, {"csv", [](const report::Report& r) {
                                                                return report::to_csv(report::flat_table(r));
                                                              }}}};
  return formats;
}

struct Options {
  std::vector<fs::path> folders;
  std::vector<std::string> formats{"text", "html"};
  std::optional<fs::path> output;
  bool help = false;
  bool version = false;

  bool wants(std::string_view format) const {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  }
};

std::vector<std::string> parse_formats(const std::string& list) {
  static const std::vector<std::string> known{"text", "html", "json", "csv"};
  std::vector<std::string> formats;
  for (const std::string_view part : core::split(list, ',')) {
    const std::string format(core::trim(part));
    if (std::find(known.begin(), known.end(), format) == known.end()) {
      const auto near = core::nearest(format, known);
      throw core::UsageError(fmt::format("--format: '{}' is none of text, html, json, csv{}", format,
                                         near ? "; did you mean '" + *near + "'?" : ""));
    }
    formats.push_back(format);
  }
  return formats;
}

Options parse(const std::vector<std::string>& arguments) {
  static const std::vector<std::string> known{"--format", "--output", "--help", "--version"};
  Options options;
  bool only_folders = false;
  bool format_given = false;
  bool output_given = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (only_folders || !name.starts_with('-') || name == "-") {
      if (name.empty()) throw core::UsageError("an empty folder name was given; give the folder that holds the runs");
      options.folders.emplace_back(name);
      continue;
    }
    std::optional<std::string> value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.erase(equals);
    }
    const bool flag = name == "--help" || name == "-h" || name == "--version" || name == "--";
    if (flag && value) throw core::UsageError(fmt::format("{} takes no value", name));
    if (name == "--") {
      only_folders = true;
    } else if (name == "--help" || name == "-h") {
      options.help = true;
    } else if (name == "--version") {
      options.version = true;
    } else if (name == "--format" || name == "--output") {
      if (!value && i + 1 < arguments.size()) value = arguments[++i];
      if (!value || value->empty()) throw core::UsageError(fmt::format("{} needs a value; see --help", name));
      if (std::exchange(name == "--format" ? format_given : output_given, true)) {
        throw core::UsageError(fmt::format("{} is given twice; see --help", name));
      }
      if (name == "--format") {
        options.formats = parse_formats(*value);
      } else {
        options.output = *value;
      }
    } else {
      const auto near = core::nearest(name, known);
      throw core::UsageError(
          fmt::format("unknown option {}{}; see --help", name, near ? " (did you mean " + *near + "?)" : ""));
    }
  }
  if (options.folders.empty() && !options.help && !options.version) {
    throw core::UsageError("no folder given; say where the runs are, for example: collect results/");
  }
  return options;
}

void write_stdout(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) throw core::Error("standard output cannot be written; the report is not complete");
}

fs::path output_folder(const Options& options) {
  const fs::path folder = options.output.value_or(options.folders.front() / "report");
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw core::Error(
        fmt::format("{}: {}; give a folder that can be written with --output", folder.string(), error.message()));
  }
  return folder;
}

int collect(const std::vector<std::string>& arguments) {
  const Options options = parse(arguments);
  if (options.help) {
    write_stdout(kHelp);
    return 0;
  }
  if (options.version) {
    write_stdout("collect (trainyard) " TRAINYARD_VERSION "\n");
    return 0;
  }
  const report::Report merged = report::make_report(report::load_runs(options.folders));
  for (const report::Problem& problem : merged.problems) {
    fmt::print(stderr, "collect: {}: {}\n", report::clean_text(problem.path.string(), 4096),
               report::clean_text(problem.what, 4096));
  }
  std::string written;  // files first: a reader of stdout that stops early, such as head, costs no report
  for (const FileFormat& format : file_formats()) {
    if (!options.wants(format.name)) continue;
    const fs::path file = output_folder(options) / fmt::format("report.{}", format.name);
    core::write_file_atomically(file, format.write(merged));
    written += fmt::format("{}: {}\n", format.name == "html" ? "report" : format.name, file.string());
  }
  if (options.wants("text")) write_stdout(report::to_text(merged, report::style_of_stdout()) + "\n" + written);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "collect", collect);
}
