#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/main.h"
#include "core/terminal.h"
#include "core/text.h"
#include "report/format.h"
#include "report/gate.h"
#include "report/html_writer.h"
#include "report/json_writer.h"
#include "report/latex_writer.h"
#include "report/load.h"
#include "report/markdown_writer.h"
#include "report/mlperf_writer.h"
#include "report/report.h"
#include "report/text_writer.h"
#include "report/trace_writer.h"

namespace {

namespace core = trainyard::core;
namespace fs = std::filesystem;
namespace report = trainyard::report;

constexpr const char* kHelp = R"(usage: collect DIR... [options]

Merges the timing logs of every run found below the folders into one report: throughput, step and epoch times, where a
step goes and what limits each run, communication hidden and exposed, late ranks, speedup and efficiency against
single-device baselines, repeats with confidence intervals, accuracy, cost.

  DIR               folders that runs were written to, searched at any depth for rank-*.h5
  --format LIST     default text,html; of
                      text      to stdout, as wide as the terminal
                      html      one file for a browser, offline
                      json      all figures (docs/report.schema.json)
                      csv       a line a run
                      markdown  tables for a README or wiki
                      latex     tables for a paper
                      trace     a timeline a run for ui.perfetto.dev, a track a rank
                      mlperf    a log a run in MLPerf's form
  --output DIR      where the files go; default: report/ in the first DIR
  --against FILE    compares with reference figures, {"runs": {RUN: {FIGURE: [target, lower, upper, unit]}}}, bounds as
                    shares of the target (-0.05) or null; exit status 1 where one is missed
  --junit FILE      writes that comparison as JUnit's XML
  --strict          exit status 1 where a file is damaged, missing, duplicated or mixed up
  --watch[=SECONDS] reports again every 10 (or so many) seconds until all runs are complete
  --help            this text
  --version         the version

Logs that cannot be used are named on stderr and in the report; the others are reported all the same.
Exit status: 0 reported, 1 no usable log, a check that failed or a report that could not be written, 2 bad usage.
)";

struct FileFormat {
  std::string_view name;
  std::string_view file;
  std::function<std::string(const report::Report&)> write;
};

/// Formats of one file for all runs.
const std::vector<FileFormat>& file_formats() {
  static const std::vector<FileFormat> formats{
      {"html", "report.html", report::to_html},
      {"json", "report.json", report::to_json},
      {"csv", "report.csv", [](const report::Report& r) { return report::to_csv(report::flat_table(r)); }},
      {"markdown", "report.md", report::to_markdown},
      {"latex", "report.tex", report::to_latex}};
  return formats;
}

struct RunFormat {
  std::string_view name;
  std::string_view suffix;
  std::function<std::string(const report::RunSummary&)> write;
};

/// Formats of a file for each run, in a folder of the format's name.
const std::vector<RunFormat>& run_formats() {
  static const std::vector<RunFormat> formats{{"trace", ".json", report::to_trace},
                                              {"mlperf", ".log", report::to_mlperf}};
  return formats;
}

struct Options {
  std::vector<fs::path> folders;
  std::vector<std::string> formats{"text", "html"};
  std::optional<fs::path> output;
  std::optional<fs::path> against;
  std::optional<fs::path> junit;
  std::optional<double> watch_s;
  bool strict = false;
  bool help = false;
  bool version = false;

  bool wants(std::string_view format) const {
    return std::find(formats.begin(), formats.end(), format) != formats.end();
  }
};

std::vector<std::string> parse_formats(const std::string& list) {
  static const std::vector<std::string> known{"text", "html", "json", "csv", "markdown", "latex", "trace", "mlperf"};
  std::vector<std::string> formats;
  for (const std::string_view part : core::split(list, ',')) {
    const std::string format(core::trim(part));
    if (std::find(known.begin(), known.end(), format) == known.end()) {
      const auto near = core::nearest(format, known);
      throw core::UsageError(fmt::format("--format: '{}' is none of {}{}", format, fmt::join(known, ", "),
                                         near ? "; did you mean '" + *near + "'?" : ""));
    }
    formats.push_back(format);
  }
  return formats;
}

double parse_seconds(const std::string& value) {
  const auto seconds = core::parse_double(value);
  if (!seconds || *seconds < 0.1 || *seconds > 86'400)
    throw core::UsageError(fmt::format("--watch: '{}' is no number of seconds from 0.1 to 86400", value));
  return *seconds;
}

/// An option of the command line: what it does with its value, and whether it has one.
struct Option {
  enum class Value { kNone, kNeeded, kAttached };  // attached: only as --name=value, or none
  std::string name;
  Value value;
  std::function<void(Options&, const std::optional<std::string>&)> set;
};

const std::vector<Option>& known_options() {
  using Value = Option::Value;
  static const std::vector<Option> options{
      {"--format", Value::kNeeded, [](Options& o, const auto& value) { o.formats = parse_formats(*value); }},
      {"--output", Value::kNeeded, [](Options& o, const auto& value) { o.output = *value; }},
      {"--against", Value::kNeeded, [](Options& o, const auto& value) { o.against = *value; }},
      {"--junit", Value::kNeeded, [](Options& o, const auto& value) { o.junit = *value; }},
      {"--watch", Value::kAttached,
       [](Options& o, const auto& value) { o.watch_s = value ? parse_seconds(*value) : 10; }},
      {"--strict", Value::kNone, [](Options& o, const auto&) { o.strict = true; }},
      {"--help", Value::kNone, [](Options& o, const auto&) { o.help = true; }},
      {"-h", Value::kNone, [](Options& o, const auto&) { o.help = true; }},
      {"--version", Value::kNone, [](Options& o, const auto&) { o.version = true; }}};
  return options;
}

const Option& find_option(const std::string& name) {
  std::vector<std::string> names;
  for (const Option& option : known_options()) {
    if (option.name == name) return option;
    names.push_back(option.name);
  }
  const auto near = core::nearest(name, names);
  throw core::UsageError(
      fmt::format("unknown option {}{}; see --help", name, near ? " (did you mean " + *near + "?)" : ""));
}

Options parse(const std::vector<std::string>& arguments) {
  Options options;
  std::set<std::string> given;
  bool only_folders = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string name = arguments[i];
    if (only_folders || !name.starts_with('-') || name == "-") {
      if (name.empty()) throw core::UsageError("an empty folder name was given; give the folder that holds the runs");
      options.folders.emplace_back(name);
      continue;
    }
    if (name == "--") {
      only_folders = true;
      continue;
    }
    std::optional<std::string> value;
    if (const auto equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.erase(equals);
    }
    const Option& option = find_option(name);
    if (option.value == Option::Value::kNone && value) throw core::UsageError(fmt::format("{} takes no value", name));
    if (option.value == Option::Value::kNeeded && !value && i + 1 < arguments.size()) value = arguments[++i];
    if (option.value == Option::Value::kNeeded && (!value || value->empty()))
      throw core::UsageError(fmt::format("{} needs a value; see --help", name));
    if (!given.insert(name).second) throw core::UsageError(fmt::format("{} is given twice; see --help", name));
    option.set(options, value);
  }
  if (options.help || options.version) return options;
  if (options.folders.empty())
    throw core::UsageError("no folder given; say where the runs are, for example: collect results/");
  if (options.junit && !options.against)
    throw core::UsageError("--junit needs --against: it writes that comparison; see --help");
  return options;
}

void write_stdout(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
  if (!written) throw core::Error("standard output cannot be written; the report is not complete");
}

fs::path made_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    throw core::Error(
        fmt::format("{}: {}; give a folder that can be written with --output", folder.string(), error.message()));
  }
  return folder;
}

/// A label as a file name that no other run of the report has.
std::string file_name(const std::string& label, std::set<std::string>& taken) {
  constexpr std::size_t kLongest = 120;
  std::string name = label.substr(0, kLongest);
  for (char& c : name) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (!plain && c != '.') c = '_';
  }
  if (name.empty() || name.front() == '.') name.insert(0, "run");
  std::string unique = name;
  for (int number = 2; !taken.insert(unique).second; ++number)
    unique = fmt::format("{}-{}", name, number);
  return unique;
}

/// Writes every file that was asked for; a line on each.
std::string write_files(const report::Report& merged, const Options& options) {
  std::string written;
  const fs::path output = options.output.value_or(options.folders.front() / "report");
  for (const FileFormat& format : file_formats()) {
    if (!options.wants(format.name)) continue;
    const fs::path file = made_folder(output) / format.file;
    core::write_file_atomically(file, format.write(merged));
    written += fmt::format("{}: {}\n", format.name == "html" ? "report" : format.name, file.string());
  }
  for (const RunFormat& format : run_formats()) {
    if (!options.wants(format.name)) continue;
    const fs::path folder = made_folder(output / format.name);
    std::set<std::string> taken;
    for (const report::RunSummary& run : merged.runs) {
      const std::string content = format.write(run);
      const fs::path file = folder / (file_name(run.label, taken) + std::string(format.suffix));
      if (!content.empty()) core::write_file_atomically(file, content);
    }
    written += fmt::format("{}: {}\n", format.name, folder.string());
  }
  return written;
}

/// One report; the exit status that it deserves. `merged` is given out for --watch.
int report_once(const Options& options, const std::vector<report::Reference>& references, report::Report& merged) {
  merged = report::make_report(report::load_runs(options.folders));
  for (const report::Problem& problem : merged.problems) {
    fmt::print(stderr, "collect: {}: {}\n", report::clean_text(problem.path.string(), 4096),
               report::clean_text(problem.what, 4096));
  }
  const std::vector<report::Check> checks = report::check_against(references, merged);
  // files first: a reader of stdout that stops early, such as head, costs no report
  const std::string written = write_files(merged, options);
  if (options.junit) core::write_file_atomically(*options.junit, report::to_junit(checks));
  std::string text;
  if (options.watch_s && core::is_terminal(core::Stream::kOut)) text += "\x1b[H\x1b[2J";
  const report::TextStyle style = report::style_of_stdout();
  if (options.wants("text")) text += report::to_text(merged, style) + "\n";
  if (!checks.empty()) text += report::to_text(report::check_table(checks), style) + "\n";
  if (options.wants("text")) text += written;
  write_stdout(text);
  const bool missed = std::any_of(checks.begin(), checks.end(), [](const auto& check) { return !check.passed; });
  return missed || (options.strict && !merged.problems.empty()) ? 1 : 0;
}

int watch(const Options& options, const std::vector<report::Reference>& references) {
  while (true) {
    try {
      report::Report merged;
      const int status = report_once(options, references, merged);
      const auto complete = [](const auto& run) { return run.complete; };
      if (std::all_of(merged.runs.begin(), merged.runs.end(), complete) &&
          std::all_of(merged.inference.begin(), merged.inference.end(), complete))
        return status;
    } catch (const core::UsageError&) {
      throw;
    } catch (const core::Error& error) {  // logs that are not there yet, or a disk that is full for a while
      fmt::print(stderr, "collect: {}\n", error.what());
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(*options.watch_s));
  }
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
  std::vector<report::Reference> references;
  if (options.against) references = report::read_references(*options.against);
  if (options.watch_s) return watch(options, references);
  report::Report merged;
  return report_once(options, references, merged);
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "collect", collect);
}
