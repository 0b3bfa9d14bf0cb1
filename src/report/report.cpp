#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "report/format.h"
#include "report/labels.h"

namespace trainyard::report {
namespace {

Cell cell(const std::optional<double>& value) {
  return value ? Cell(*value) : Cell();
}
Cell cell(const std::optional<std::int64_t>& value) {
  return value ? Cell(*value) : Cell();
}
Cell cell(std::int64_t value) {
  return Cell(value);
}
Cell cell(std::string text) {
  return text.empty() ? Cell() : Cell(std::move(text));
}

/// A count of the log that is 0 where the log does not say.
Cell known(std::int64_t value) {
  return value > 0 ? Cell(value) : Cell();
}

/// A mean that means nothing without measured steps.
Cell measured(const RunSummary& run, double value) {
  return run.measured_steps > 0 ? Cell(value) : Cell();
}

/// The precision's name, starred where the log says how it was carried out.
std::string starred_precision(const log::RunAttributes& id) {
  return id.precision + (id.precision_note.empty() ? "" : "*");
}

Cell hidden_share(const RunSummary& run) {
  return run.comm_ns > 0 ? Cell(run.hidden_comm_ns() / run.comm_ns) : Cell();
}

}  // namespace

Report make_report(Collection collection) {
  Report report;
  report.problems = std::move(collection.problems);
  report.preflights = std::move(collection.preflights);
  report.log_files = collection.log_files;
  std::stable_sort(collection.runs.begin(), collection.runs.end(),
                   [](const Run& a, const Run& b) { return natural_less(a.folder, b.folder); });
  for (Run& run : collection.runs) {
    if (is_inference(run)) {
      report.inference.push_back(summarize_inference(run));
    } else {
      report.runs.push_back(summarize(run));
    }
    run.starts.clear();
    run.starts.shrink_to_fit();
  }
  label_runs(report.runs);
  make_labels(report.inference);
  report.scaling = find_scaling(report.runs);
  return report;
}

std::string describe_nodes(const RunSummary& run) {
  if (run.nodes.empty()) return "";
  constexpr std::size_t kMostNames = 4;
  std::string names;
  for (std::size_t i = 0; i < std::min(run.nodes.size(), kMostNames); ++i) {
    names += (i == 0 ? "" : ", ") + run.nodes[i];
  }
  if (run.nodes.size() > kMostNames) names += ", ...";
  return fmt::format("{} ({})", run.nodes.size(), names);
}

Table runs_table(const Report& report) {
  Table table{"Runs",
              {{"label", "run"},
               {"model", "model"},
               {"data", "data"},
               {"strategy", "strategy"},
               {"precision", "precision"},
               {"ranks", "ranks", Format::kCount},
               {"nodes", "nodes", Format::kCount},
               {"images_per_second", "images/s", Format::kReal},
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
    table.rows.push_back({cell(run.label), cell(run.attributes.model), cell(run.attributes.data),
                          cell(run.attributes.strategy), cell(starred_precision(run.attributes)), cell(run.ranks),
                          known(std::ssize(run.nodes)), cell(run.images_per_second),
                          scaling ? Cell(scaling->speedup) : Cell(), scaling ? Cell(scaling->efficiency) : Cell(),
                          cell(run.step_median_ns), cell(run.epoch_ns), cell(run.best_val_accuracy), cell(run.status)});
  }
  return table;
}

Table phases_table(const Report& report) {
  Table table{"Where a step goes",
              {{"label", "run"},
               {"step_mean_ns", "step mean", Format::kDuration},
               {"step_median_ns", "median", Format::kDuration},
               {"step_p95_ns", "p95", Format::kDuration}},
              {}};
  for (const PhaseName& phase : kPhases) {
    table.columns.push_back({std::string(phase.id) + "_share", std::string(phase.title), Format::kShare});
  }
  for (const RunSummary& run : report.runs) {
    std::vector<Cell> row{cell(run.label), measured(run, run.step_mean_ns), cell(run.step_median_ns),
                          cell(run.step_p95_ns)};
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
      row.push_back(measured(run, run.share(static_cast<Phase>(phase))));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table communication_table(const Report& report) {
  Table table{"Communication per step",
              {{"label", "run"},
               {"ranks", "ranks", Format::kCount},
               {"comm_ns", "all", Format::kDuration},
               {"hidden_comm_ns", "hidden", Format::kDuration},
               {"exposed_comm_ns", "exposed", Format::kDuration},
               {"hidden_share", "hidden share", Format::kShare},
               {"exposed_comm_share", "exposed of step", Format::kShare}},
              {}};
  for (const RunSummary& run : report.runs) {
    const double exposed_ns = run.phase_ns[static_cast<std::size_t>(Phase::kExposedComm)];
    if (run.comm_ns <= 0 && exposed_ns <= 0) continue;
    table.rows.push_back({cell(run.label), cell(run.ranks), Cell(run.comm_ns), Cell(run.hidden_comm_ns()),
                          Cell(exposed_ns), hidden_share(run), Cell(run.share(Phase::kExposedComm))});
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
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

Table scaling_table(const Report& report) {
  Table table{"Speedup and efficiency",
              {{"label", "run"},
               {"baseline", "baseline"},
               {"scaling", "scaling"},
               {"ranks", "ranks", Format::kCount},
               {"images_per_second", "images/s", Format::kReal},
               {"baseline_images_per_second", "baseline images/s", Format::kReal},
               {"speedup", "speedup", Format::kFactor},
               {"ideal_speedup", "ideal", Format::kFactor},
               {"efficiency", "efficiency", Format::kShare}},
              {}};
  for (const Scaling& scaling : report.scaling) {
    const RunSummary& run = report.runs[scaling.run];
    const RunSummary& baseline = report.runs[scaling.baseline];
    table.rows.push_back({cell(run.label), cell(baseline.label), cell(std::string(name_of(scaling.kind))),
                          cell(run.ranks), cell(run.images_per_second), cell(baseline.images_per_second),
                          Cell(scaling.speedup), Cell(static_cast<double>(run.ranks)), Cell(scaling.efficiency)});
  }
  return table;
}

std::vector<std::string> scaling_notes(const Report& report) {
  std::vector<std::string> notes;
  for (const Scaling& scaling : report.scaling) {
    const RunSummary& run = report.runs[scaling.run];
    const RunSummary& baseline = report.runs[scaling.baseline];
    const std::int64_t threads = run.attributes.threads;
    const std::int64_t baseline_threads = baseline.attributes.threads;
    if (run.attributes.device != "cpu" || threads == baseline_threads || threads <= 0 || baseline_threads <= 0)
      continue;
    notes.push_back(
        fmt::format("{} against {}: {} and {} threads a rank, so the speedup is not that of the ranks alone.",
                    run.label, baseline.label, threads, baseline_threads));
  }
  return notes;
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
               {"images_per_second", "images/s", Format::kReal},
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
    const Cell cost = run.accuracy && run.reference_accuracy ? Cell(*run.reference_accuracy - *run.accuracy) : Cell();
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
    table.rows.push_back({cell(preflight.job), cell(preflight.ranks), cell(preflight.nodes), cell(preflight.backend),
                          cell(preflight.errors), cell(preflight.warnings), cell(preflight.busbw_gbps),
                          cell(preflight.worst)});
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
               {"bus_bandwidth", ""},
               {"transfer_bandwidth", ""},
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
                          cell(run.epoch_ns),
                          cell(run.epochs),
                          cell(run.last_train_loss),
                          cell(run.last_val_accuracy),
                          cell(run.best_val_accuracy),
                          scaling ? Cell(std::string(name_of(scaling->kind))) : Cell(),
                          scaling ? Cell(report.runs[scaling->baseline].label) : Cell(),
                          scaling ? Cell(scaling->speedup) : Cell(),
                          scaling ? Cell(scaling->efficiency) : Cell(),
                          measured(run, run.comm_ns),
                          measured(run, run.hidden_comm_ns()),
                          cell(run.bubble),
                          cell(run.predicted_bubble),
                          known(id.model_bytes),
                          cell(run.bus_bandwidth),
                          cell(run.transfer_bandwidth),
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
