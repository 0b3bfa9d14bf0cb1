#include "report/json_writer.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <variant>

#include "report/format.h"

namespace trainyard::report {
namespace {

using Json = nlohmann::ordered_json;

Json to_json_value(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return clean_text(*text);
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return *count;
  const auto* real = std::get_if<double>(&cell);
  return real != nullptr && std::isfinite(*real) ? Json(*real) : Json(nullptr);
}

Json row_object(const Table& table, std::size_t row) {
  Json object = Json::object();
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    object[table.columns[i].id] = to_json_value(table.rows[row][i]);
  }
  return object;
}

Json curve(const std::vector<CurvePoint>& points, const char* x_name, const char* value_name) {
  Json array = Json::array();
  for (const CurvePoint& point : points)
    array.push_back({{x_name, point.x}, {value_name, point.value}});
  return array;
}

Json bytes_value(const std::optional<std::int64_t>& bytes) {
  return bytes ? Json(*bytes) : Json(nullptr);
}

Json run_object(const RunSummary& run, const Table& flat, std::size_t row) {
  Json object = row_object(flat, row);
  object["node_names"] = run.nodes;
  Json& phases = object["phases"] = Json::object();
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    phases[std::string(kPhases[phase].id)] =
        run.measured_steps > 0 ? Json(run.share(static_cast<Phase>(phase))) : Json(nullptr);
  }
  Json& memory = object["memory"] = Json::array();
  for (const RankMemory& rank : run.memory) {
    Json& entry = memory.emplace_back(Json{{"rank", rank.rank}, {"peak_bytes", bytes_value(rank.peak_bytes)}});
    for (std::size_t i = 0; i < kMemoryCategories.size(); ++i)
      entry[std::string(kMemoryCategories[i].id) + "_bytes"] = bytes_value(rank.category_bytes[i]);
  }
  object["complete"] = run.complete;
  object["notes"] = run.notes;
  object["loss"] = curve(run.loss, "samples", "loss");
  object["val_accuracy"] = curve(run.val_accuracy, "epochs", "accuracy");
  return object;
}

}  // namespace

std::string to_json(const Report& report) {
  Json document;
  document["schema"] = "trainyard-report/1";
  document["log_files"] = report.log_files;
  const Table flat = flat_table(report);
  Json& runs = document["runs"] = Json::array();
  for (std::size_t i = 0; i < report.runs.size(); ++i)
    runs.push_back(run_object(report.runs[i], flat, i));
  const Table scaling = scaling_table(report);
  Json& pairs = document["scaling"] = Json::array();
  for (std::size_t i = 0; i < scaling.rows.size(); ++i)
    pairs.push_back(row_object(scaling, i));
  const Table inference = inference_table(report);
  Json& answers = document["inference"] = Json::array();
  for (std::size_t i = 0; i < inference.rows.size(); ++i)
    answers.push_back(row_object(inference, i));
  const Table preflight = preflight_table(report);
  Json& preflights = document["preflight"] = Json::array();
  for (std::size_t i = 0; i < preflight.rows.size(); ++i)
    preflights.push_back(row_object(preflight, i));
  Json& problems = document["problems"] = Json::array();
  for (const Problem& problem : report.problems) {
    problems.push_back({{"path", clean_text(problem.path.string(), 4096)}, {"what", clean_text(problem.what, 4096)}});
  }
  return document.dump(2) + "\n";
}

}  // namespace trainyard::report
