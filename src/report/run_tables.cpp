#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "report/cells.h"
#include "report/report.h"

namespace trainyard::report {
namespace {

/// A mean that means nothing without measured steps.
Cell measured(const RunSummary& run, double value) {
  return cell_if(run.measured_steps > 0, value);
}

/// The precision's name, starred where the log says how it was carried out.
std::string starred_precision(const log::RunAttributes& id) {
  return id.precision + (id.precision_note.empty() ? "" : "*");
}

}  // namespace

Table runs_table(const Report& report) {
  Table table{"Runs",
              {{"label", "run"},
               {"model", "model"},
               {"data", "data"},
               {"strategy", "strategy"},
               {"precision", "precision"},
               {"ranks", "ranks", Format::kCount},
               {"nodes", "nodes", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"speedup", "speedup", Format::kFactor},
               {"efficiency", "efficiency", Format::kShare},
               {"step_median_ns", "step median", Format::kDuration},
               {"epoch_ns", "epoch", Format::kDuration},
               {"best_val_accuracy", "best accuracy", Format::kShare},
               {"status", "status"}},
              {}};
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    const RunSummary& run = report.runs[i];
    const Scaling* scaling = scaling_of(report.scaling, i);
    const Scaling scaled = scaling == nullptr ? Scaling{} : *scaling;
    table.rows.push_back({cell(run.label), cell(run.attributes.model), cell(run.attributes.data),
                          cell(run.attributes.strategy), cell(starred_precision(run.attributes)), cell(run.ranks),
                          known(std::ssize(run.nodes)), cell(run.images_per_second),
                          cell_if(scaling != nullptr, scaled.speedup), cell_if(scaling != nullptr, scaled.efficiency),
                          cell(run.step_median_ns), cell(run.epoch_ns), cell(run.best_val_accuracy), cell(run.status)});
  }
  return table;
}

Table phases_table(const Report& report) {
  Table table{"Where a step goes",
              {{"label", "run"},
               {"step_mean_ns", "step mean", Format::kDuration},
               {"step_median_ns", "median", Format::kDuration},
               {"step_p95_ns", "p95", Format::kDuration},
               {"step_p99_ns", "p99", Format::kDuration}},
              {}};
  for (const PhaseName& phase : kPhases) {
    table.columns.push_back({std::string(phase.id) + "_share", std::string(phase.title), Format::kShare});
  }
  for (const RunSummary& run : report.runs) {
    std::vector<Cell> row{cell(run.label), measured(run, run.step_mean_ns), cell(run.step_median_ns),
                          cell(run.step_p95_ns), cell(run.step_p99_ns)};
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      row.push_back(measured(run, run.share(static_cast<Phase>(phase))));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table preflight_table(const Report& report) {
  Table table{"Preflight",
              {{"job_id", "job"},
               {"ranks", "ranks", Format::kCount},
               {"nodes", "nodes", Format::kCount},
               {"backend", "backend"},
               {"errors", "errors", Format::kCount},
               {"warnings", "warnings", Format::kCount},
               {"all_reduce_busbw_gbps", "all-reduce GB/s", Format::kReal},
               {"worst", "first of them"}},
              {}};
  for (const Preflight& preflight : report.preflights) {
    const SweptSize largest = preflight.sweep.empty() ? SweptSize{} : preflight.sweep.back();
    table.rows.push_back({cell(preflight.job), cell(preflight.ranks), cell(preflight.nodes), cell(preflight.backend),
                          cell(preflight.errors), cell(preflight.warnings),
                          cell_if(!preflight.sweep.empty(), largest.bus_bandwidth / 1e9), cell(preflight.worst)});
  }
  return table;
}

Table training_table(const Report& report) {
  Table table{"Training",
              {{"label", "run"},
               {"epochs", "epochs", Format::kCount},
               {"steps", "steps", Format::kCount},
               {"global_batch", "global batch", Format::kCount},
               {"last_train_loss", "last training loss", Format::kReal},
               {"last_val_accuracy", "last accuracy", Format::kShare},
               {"best_val_accuracy", "best accuracy", Format::kShare},
               {"epoch_ns", "epoch", Format::kDuration}},
              {}};
  for (const RunSummary& run : report.runs) {
    table.rows.push_back({cell(run.label), cell(run.epochs), cell(run.steps), known(run.attributes.global_batch),
                          cell(run.last_train_loss), cell(run.last_val_accuracy), cell(run.best_val_accuracy),
                          cell(run.epoch_ns)});
  }
  return table;
}

Table inference_table(const Report& report) {
  Table table{"Inference",
              {{"label", "run"},
               {"model", "model"},
               {"data", "data"},
               {"engine", "engine"},
               {"precision", "precision"},
               {"device", "device"},
               {"threads", "threads", Format::kCount},
               {"batch_size", "batch", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"p50_ns", "p50", Format::kDuration},
               {"p95_ns", "p95", Format::kDuration},
               {"p99_ns", "p99", Format::kDuration},
               {"model_file_bytes", "model file", Format::kBytes},
               {"accuracy", "accuracy", Format::kShare},
               {"reference_accuracy", "eager fp32", Format::kShare},
               {"accuracy_cost", "cost", Format::kShare},
               {"batches", "batches", Format::kCount},
               {"status", "status"}},
              {}};
  for (const InferenceSummary& run : report.inference) {
    const log::RunAttributes& id = run.attributes;
    const bool compared = run.accuracy && run.reference_accuracy;
    const Cell cost = cell_if(compared, run.reference_accuracy.value_or(0) - run.accuracy.value_or(0));
    for (const BatchFigures& size : run.sizes) {
      table.rows.push_back({cell(run.label), cell(id.model), cell(id.data), cell(id.engine),
                            cell(starred_precision(id)), cell(id.device), known(id.threads), cell(size.batch_size),
                            Cell(size.images_per_second), Cell(size.p50_ns), Cell(size.p95_ns), Cell(size.p99_ns),
                            known(id.model_file_bytes), cell(run.accuracy), cell(run.reference_accuracy), cost,
                            cell(size.batches), cell(std::string(run.complete ? "complete" : "incomplete"))});
    }
  }
  return table;
}

Table memory_table(const Report& report) {
  constexpr std::size_t kMostRanks = 8;
  Table table{
      "Memory", {{"label", "run"}, {"rank", "rank", Format::kCount}, {"peak_bytes", "peak", Format::kBytes}}, {}};
  for (const MemoryCategory& category : kMemoryCategories) {
    table.columns.push_back({std::string(category.id) + "_bytes", std::string(category.title), Format::kBytes});
  }
  const bool by_phase = std::any_of(report.runs.begin(), report.runs.end(), [](const RunSummary& run) {
    const RankMemory* memory = fullest(run.memory);
    return memory != nullptr && memory->phase_bytes.front().has_value();
  });
  if (by_phase) {
    for (const MemoryCategory& phase : kMemoryPhases)
      table.columns.push_back({std::string(phase.id) + "_bytes", fmt::format("in {}", phase.title), Format::kBytes});
  }
  for (const RunSummary& run : report.runs) {
    std::vector<RankMemory> shown = run.memory;
    if (shown.size() > kMostRanks) {
      std::stable_sort(shown.begin(), shown.end(), [](const RankMemory& a, const RankMemory& b) {
        return a.peak_bytes.value_or(0) > b.peak_bytes.value_or(0);
      });
      shown.erase(shown.begin() + 1, shown.end() - 1);
    }
    for (const RankMemory& memory : shown) {
      std::vector<Cell> row{cell(run.label), cell(memory.rank), cell(memory.peak_bytes)};
      for (const auto& bytes : memory.category_bytes)
        row.push_back(cell(bytes));
      if (by_phase) {
        for (const auto& bytes : memory.phase_bytes)
          row.push_back(cell(bytes));
      }
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Table devices_table(const Report& report) {
  Table table{"Devices",
              {{"label", "run"},
               {"watched_devices", "devices", Format::kCount},
               {"utilization", "mean utilisation", Format::kShare},
               {"idlest_utilization", "idlest device", Format::kShare},
               {"idlest_rank", "of rank", Format::kCount},
               {"lowest_utilization", "lowest sample", Format::kShare},
               {"power_w", "power each, W", Format::kReal},
               {"energy_kwh", "energy, kWh", Format::kReal},
               {"device_memory_bytes", "most memory", Format::kBytes}},
              {}};
  constexpr double kJoulesInKwh = 3.6e6;
  for (const RunSummary& run : report.runs) {
    if (run.device_use.empty()) continue;
    const DeviceUse all = together(run.device_use);
    const DeviceUse* const least = idlest(run.device_use);
    const DeviceUse idle = least != nullptr ? *least : DeviceUse{};
    table.rows.push_back({cell(run.label), cell(std::ssize(run.device_use)), cell(all.mean_utilization()),
                          cell(idle.mean_utilization()),
                          cell(least != nullptr ? std::optional(idle.rank) : std::nullopt),
                          cell_if(all.watched > 0, all.utilization_lowest), cell(all.mean_power_w()),
                          cell_if(all.powered > 0, all.energy_j / kJoulesInKwh),
                          cell(all.peak_bytes >= 0 ? std::optional(all.peak_bytes) : std::nullopt)});
  }
  return table;
}

Table flat_table(const Report& report) {
  Table table{"Runs",
              {{"label", ""},
               {"folder", ""},
               {"run", ""},
               {"job_id", ""},
               {"model", ""},
               {"data", ""},
               {"strategy", ""},
               {"precision", ""},
               {"precision_note", ""},
               {"device", ""},
               {"device_name", ""},
               {"ranks", ""},
               {"ranks_present", ""},
               {"nodes", ""},
               {"node_names", ""},
               {"restarts", ""},
               {"global_batch", ""},
               {"status", ""},
               {"steps", ""},
               {"lost_steps", ""},
               {"measured_steps", ""},
               {"images_per_second", ""},
               {"step_mean_ns", ""},
               {"step_median_ns", ""},
               {"step_p95_ns", ""},
               {"step_p99_ns", ""},
               {"epoch_ns", ""},
               {"epochs", ""},
               {"last_train_loss", ""},
               {"last_val_accuracy", ""},
               {"best_val_accuracy", ""},
               {"scaling", ""},
               {"baseline", ""},
               {"speedup", ""},
               {"efficiency", ""},
               {"comm_ns", ""},
               {"hidden_comm_ns", ""},
               {"bubble", ""},
               {"predicted_bubble", ""},
               {"model_bytes", ""},
               {"flops_per_sample", ""},
               {"flops_per_second", ""},
               {"device_flops_per_second", ""},
               {"flop_utilization", ""},
               {"bus_bandwidth", ""},
               {"transfer_bandwidth", ""},
               {"load_balance", ""},
               {"step_balance", ""},
               {"limited_by", ""},
               {"devices", ""},
               {"training_ns", ""},
               {"device_hours", ""},
               {"utilization", ""},
               {"lowest_utilization", ""},
               {"energy_j", ""},
               {"peak_bytes", ""}},
              {}};
  for (const MemoryCategory& category : kMemoryCategories)
    table.columns.push_back({std::string(category.id) + "_bytes", ""});
  for (const PhaseName& phase : kPhases)
    table.columns.push_back({std::string(phase.id) + "_ns", ""});
  for (std::size_t i = 0; i < report.runs.size(); ++i) {
    const RunSummary& run = report.runs[i];
    const log::RunAttributes& id = run.attributes;
    const Scaling* scaling = scaling_of(report.scaling, i);
    const Scaling scaled = scaling == nullptr ? Scaling{} : *scaling;
    const DeviceUse used = together(run.device_use);
    const RankMemory* largest = fullest(run.memory);
    const RankMemory memory = largest != nullptr ? *largest : RankMemory{};
    std::string node_names;
    for (const std::string& node : run.nodes)
      node_names += (node_names.empty() ? "" : " ") + node;
    std::vector<Cell> row{cell(run.label),
                          cell(run.folder),
                          cell(id.run),
                          cell(id.job_id),
                          cell(id.model),
                          cell(id.data),
                          cell(id.strategy),
                          cell(id.precision),
                          cell(id.precision_note),
                          cell(id.device),
                          cell(id.device_name),
                          cell(run.ranks),
                          cell(run.ranks_present),
                          known(std::ssize(run.nodes)),
                          cell(std::move(node_names)),
                          cell(run.restarts),
                          known(id.global_batch),
                          cell(run.status),
                          cell(run.steps),
                          cell(run.lost_steps),
                          cell(run.measured_steps),
                          cell(run.images_per_second),
                          measured(run, run.step_mean_ns),
                          cell(run.step_median_ns),
                          cell(run.step_p95_ns),
                          cell(run.step_p99_ns),
                          cell(run.epoch_ns),
                          cell(run.epochs),
                          cell(run.last_train_loss),
                          cell(run.last_val_accuracy),
                          cell(run.best_val_accuracy),
                          cell(std::string(scaling == nullptr ? "" : name_of(scaling->kind))),
                          cell(scaling == nullptr ? std::string() : report.runs[scaling->baseline].label),
                          cell_if(scaling != nullptr, scaled.speedup),
                          cell_if(scaling != nullptr, scaled.efficiency),
                          measured(run, run.comm_ns),
                          measured(run, run.hidden_comm_ns()),
                          cell(run.bubble),
                          cell(run.predicted_bubble),
                          known(id.model_bytes),
                          known(id.flops_per_sample),
                          cell(run.utilization.flops_per_second),
                          cell(run.utilization.device_flops_per_second),
                          cell(run.utilization.share()),
                          cell(run.bus_bandwidth),
                          cell(run.transfer_bandwidth),
                          cell(run.balance.load),
                          cell(run.balance.step),
                          cell(run.limit.id),
                          cell(run.devices),
                          Cell(run.training_ns),
                          Cell(run.device_hours()),
                          cell(used.mean_utilization()),
                          cell_if(used.watched > 0, used.utilization_lowest),
                          cell_if(used.powered > 0, used.energy_j),
                          cell(memory.peak_bytes)};
    for (const auto& bytes : memory.category_bytes)
      row.push_back(cell(bytes));
    for (const double phase_ns : run.phase_ns)
      row.push_back(measured(run, phase_ns));
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace trainyard::report
