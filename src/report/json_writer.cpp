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

Json rows_array(const Table& table) {
  Json array = Json::array();
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    array.push_back(row_object(table, i));
  return array;
}

Json stragglers_array(const Balance& balance) {
  Json array = Json::array();
  for (const Straggler& one : balance.stragglers) {
    array.push_back({{"rank", one.rank},
                     {"node", one.node},
                     {"cause", std::string(kPhases[static_cast<std::size_t>(one.cause)].id)},
                     {"persistent", one.persistent},
                     {"late_share", one.late_share},
                     {"late_ns", one.late_ns},
                     {"cost", one.cost}});
  }
  return array;
}

Json bandwidth_array(const std::vector<SizeBandwidth>& sizes) {
  Json array = Json::array();
  for (const SizeBandwidth& size : sizes) {
    array.push_back({{"op", std::string(log::collective_op_name(size.op))},
                     {"from_bytes", size.from_bytes},
                     {"operations", size.operations},
                     {"mean_bytes", size.mean_bytes},
                     {"mean_ns", size.mean_ns},
                     {"bus_bandwidth", size.bus_bandwidth},
                     {"swept_bandwidth", size.swept ? Json(*size.swept) : Json(nullptr)}});
  }
  return array;
}

Json events_array(const std::vector<RunEvent>& events) {
  Json array = Json::array();
  for (const RunEvent& event : events)
    array.push_back(
        {{"restart", event.restart}, {"after_ns", event.after_ns}, {"kind", event.kind}, {"text", event.text}});
  return array;
}

Json device_use_array(const std::vector<DeviceUse>& devices) {
  const auto figure = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  Json array = Json::array();
  for (const DeviceUse& use : devices) {
    array.push_back({{"rank", use.rank},
                     {"device", use.device},
                     {"utilization", figure(use.mean_utilization())},
                     {"lowest_utilization", use.watched > 0 ? Json(use.utilization_lowest) : Json(nullptr)},
                     {"power_w", figure(use.mean_power_w())},
                     {"energy_j", use.powered > 0 ? Json(use.energy_j) : Json(nullptr)},
                     {"memory_bytes", use.peak_bytes >= 0 ? Json(use.peak_bytes) : Json(nullptr)}});
  }
  return array;
}

Json groups_array(const Report& report) {
  const auto figure = [](const std::optional<RepeatedFigure>& repeated) {
    if (!repeated) return Json(nullptr);
    return Json{{"mean", repeated->mean}, {"low", repeated->interval.low}, {"high", repeated->interval.high}};
  };
  Json array = Json::array();
  for (const Group& group : report.groups) {
    Json& entry = array.emplace_back(Json{{"label", group.label}, {"repeats", group.runs.size()}});
    Json& labels = entry["runs"] = Json::array();
    for (const std::size_t run : group.runs)
      labels.push_back(report.runs[run].label);
    entry["images_per_second"] = figure(group.images_per_second);
    entry["epoch_ns"] = figure(group.epoch_ns);
    entry["best_val_accuracy"] = figure(group.best_val_accuracy);
  }
  return array;
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
    for (std::size_t i = 0; i < kMemoryPhases.size(); ++i)
      entry[std::string(kMemoryPhases[i].id) + "_bytes"] = bytes_value(rank.phase_bytes[i]);
  }
  object["device_use"] = device_use_array(run.device_use);
  object["why"] = run.limit.sentence;
  object["wandering_share"] = run.balance.wandering_share;
  object["wandering_ns"] = run.balance.wandering_ns;
  object["stragglers"] = stragglers_array(run.balance);
  object["bandwidth_by_size"] = bandwidth_array(run.bandwidth_by_size);
  object["events"] = events_array(run.events);
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
  document["scaling"] = rows_array(scaling_table(report));
  document["scaling_models"] = rows_array(scaling_model_table(report));
  document["predictions"] = rows_array(prediction_table(report));
  document["groups"] = groups_array(report);
  document["comparisons"] = rows_array(comparison_table(report));
  document["inference"] = rows_array(inference_table(report));
  document["preflight"] = rows_array(preflight_table(report));
  Json& problems = document["problems"] = Json::array();
  for (const Problem& problem : report.problems) {
    problems.push_back({{"path", clean_text(problem.path.string(), 4096)}, {"what", clean_text(problem.what, 4096)}});
  }
  return document.dump(2) + "\n";
}

}  // namespace trainyard::report
