#include "report/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "report/cells.h"
#include "report/format.h"

namespace trainyard::report {
namespace {

struct Unit {
  std::string_view name;
  double size;  ///< in the figure's own unit
};

/// Units that a figure may be given in; its own first.
std::vector<Unit> units_of(std::string_view figure) {
  if (figure.ends_with("_ns")) return {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 6e10}, {"h", 3.6e12}};
  if (figure.ends_with("_bytes"))
    return {{"bytes", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}, {"MB", 1e6}, {"GB", 1e9}};
  if (figure.ends_with("_bandwidth")) return {{"bytes/s", 1}, {"MB/s", 1e6}, {"GB/s", 1e9}};
  if (figure.ends_with("flops_per_second")) return {{"FLOP/s", 1}, {"GFLOP/s", 1e9}, {"TFLOP/s", 1e12}};
  if (figure == "images_per_second") return {{"images/s", 1}};
  if (figure == "device_hours") return {{"h", 1}, {"GPU h", 1}};
  return {{"1", 1}, {"", 1}, {"%", 0.01}, {"x", 1}};
}

double size_of_unit(const Reference& reference) {
  const std::vector<Unit> units = units_of(reference.figure);
  std::string names;
  for (const Unit& unit : units) {
    if (unit.name == reference.unit) return unit.size;
    if (!unit.name.empty()) names += (names.empty() ? "" : ", ") + std::string(unit.name);
  }
  throw core::UsageError(fmt::format("reference of {}: unit '{}' is none of {}: {}", reference.run, reference.unit,
                                     reference.figure, names));
}

std::optional<double> number_of(const Cell& cell) {
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return static_cast<double>(*count);
  const auto* real = std::get_if<double>(&cell);
  return real != nullptr && std::isfinite(*real) ? std::optional(*real) : std::nullopt;
}

/// A figure of one run, in its own unit.
std::optional<double> figure_of(const RunSummary& run, const Table& flat, std::size_t row, const std::string& figure) {
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    if (figure == fmt::format("phases.{}", kPhases[phase].id))
      return run.measured_steps > 0 ? std::optional(run.share(static_cast<Phase>(phase))) : std::nullopt;
  }
  const auto column =
      std::find_if(flat.columns.begin(), flat.columns.end(), [&figure](const Column& one) { return one.id == figure; });
  if (column == flat.columns.end()) {
    std::vector<std::string> names;
    for (const Column& one : flat.columns)
      names.push_back(one.id);
    const auto near = core::nearest(figure, names);
    throw core::UsageError(fmt::format("reference of {}: there is no figure '{}'{}", run.label, figure,
                                       near ? "; did you mean '" + *near + "'?" : ""));
  }
  return number_of(flat.rows[row][static_cast<std::size_t>(column - flat.columns.begin())]);
}

std::string shown(double value, const std::string& unit) {
  return format_significant(value, 5) + (unit.empty() || unit == "1" ? "" : " " + unit);
}

void judge(Check& check, std::size_t runs) {
  const Reference& reference = check.reference;
  if (runs == 0) {
    check.message = "there is no such run";
  } else if (!check.value) {
    check.message = "its logs do not say";
  } else {
    const double slack = std::abs(reference.target);
    const bool above = !reference.lower || *check.value >= reference.target + *reference.lower * slack;
    const bool below = !reference.upper || *check.value <= reference.target + *reference.upper * slack;
    check.passed = above && below;
    check.message =
        fmt::format("{} against {}", shown(*check.value, reference.unit), shown(reference.target, reference.unit));
    if (!above)
      check.message += fmt::format(", below {}", shown(reference.target + *reference.lower * slack, reference.unit));
    if (!below)
      check.message += fmt::format(", above {}", shown(reference.target + *reference.upper * slack, reference.unit));
  }
}

/// A number, or null for no bound.
std::optional<double> bound_of(const nlohmann::json& value, const std::string& where, const char* name) {
  if (value.is_null()) return std::nullopt;
  if (!value.is_number()) throw core::UsageError(fmt::format("{}: {} is neither a number nor null", where, name));
  return value.get<double>();
}

Reference read_reference(const std::string& run, const std::string& figure, const nlohmann::json& value,
                         const std::string& where) {
  if (!value.is_array() || value.size() != 4 || !value[0].is_number() || !value[3].is_string())
    throw core::UsageError(fmt::format("{}: not of the form [target, lower, upper, \"unit\"]", where));
  Reference reference{run,
                      figure,
                      value[0].get<double>(),
                      bound_of(value[1], where, "lower"),
                      bound_of(value[2], where, "upper"),
                      value[3].get<std::string>()};
  if (reference.lower.value_or(0) > 0 || reference.upper.value_or(0) < 0)
    throw core::UsageError(
        fmt::format("{}: bounds are shares of the target, lower at most 0, upper at least 0", where));
  return reference;
}

}  // namespace

std::vector<Reference> read_references(const std::filesystem::path& path) {
  const std::string file = path.string();
  const nlohmann::ordered_json document = nlohmann::ordered_json::parse(core::read_file(path), nullptr, false);
  if (document.is_discarded()) throw core::UsageError(file + ": not JSON");
  if (!document.is_object() || !document.contains("runs") || !document["runs"].is_object())
    throw core::UsageError(file + ": not of the form {\"runs\": {RUN: {FIGURE: [target, lower, upper, unit]}}}");
  std::vector<Reference> references;
  for (const auto& [run, figures] : document["runs"].items()) {
    if (!figures.is_object())
      throw core::UsageError(fmt::format("{}: {}: not an object of figures", file, clean_text(run)));
    for (const auto& [figure, value] : figures.items())
      references.push_back(
          read_reference(run, figure, value, fmt::format("{}: {}: {}", file, clean_text(run), clean_text(figure))));
  }
  if (references.empty()) throw core::UsageError(file + ": it holds no reference");
  return references;
}

std::vector<Check> check_against(const std::vector<Reference>& references, const Report& report) {
  const Table flat = flat_table(report);
  std::vector<Check> checks;
  for (const Reference& reference : references) {
    Check check{reference, std::nullopt, false, ""};
    const double unit = size_of_unit(reference);
    double sum = 0;
    std::size_t values = 0;
    std::size_t runs = 0;
    for (std::size_t i = 0; i < report.runs.size(); ++i) {
      const RunSummary& run = report.runs[i];
      if (run.attributes.run != reference.run && run.label != reference.run) continue;
      ++runs;
      const auto value = figure_of(run, flat, i, reference.figure);
      if (!value) continue;
      sum += *value / unit;
      ++values;
    }
    if (values > 0 && values == runs) check.value = sum / static_cast<double>(values);
    judge(check, runs);
    checks.push_back(std::move(check));
  }
  return checks;
}

Table check_table(const std::vector<Check>& checks) {
  Table table{"Against the references",
              {{"run", "run"},
               {"figure", "figure"},
               {"value", "value", Format::kReal},
               {"target", "target", Format::kReal},
               {"unit", "unit"},
               {"result", "result"},
               {"message", "message"}},
              {}};
  for (const Check& check : checks) {
    table.rows.push_back({cell(check.reference.run), cell(check.reference.figure), cell(check.value),
                          Cell(check.reference.target), cell(check.reference.unit),
                          cell(std::string(check.passed ? "passed" : "FAILED")), cell(check.message)});
  }
  return table;
}

std::string to_junit(const std::vector<Check>& checks) {
  const auto failures = std::count_if(checks.begin(), checks.end(), [](const Check& check) { return !check.passed; });
  std::string xml = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"collect --against\" tests=\"{}\" "
      "failures=\"{}\" errors=\"0\" skipped=\"0\">\n",
      checks.size(), failures);
  for (const Check& check : checks) {
    xml += fmt::format("<testcase classname=\"{}\" name=\"{}\" time=\"0\">", escape_html(check.reference.run),
                       escape_html(check.reference.figure));
    if (!check.passed) xml += fmt::format("<failure message=\"{}\"/>", escape_html(check.message));
    xml += "</testcase>\n";
  }
  return xml + "</testsuite>\n</testsuites>\n";
}

}  // namespace trainyard::report
