#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "report/cells.h"
#include "report/plots.h"
#include "report/report.h"

namespace trainyard::report {
namespace {

Cell hidden_share(const RunSummary& run) {
  return cell_if(run.comm_ns > 0, run.hidden_comm_ns() / run.comm_ns);
}

/// Whether some run's collectives stand beside a sweep of the doctor.
bool has_sweep(const Report& report) {
  return std::any_of(report.runs.begin(), report.runs.end(), [](const RunSummary& run) {
    return std::any_of(run.bandwidth_by_size.begin(), run.bandwidth_by_size.end(),
                       [](const SizeBandwidth& size) { return size.swept.has_value(); });
  });
}

}  // namespace

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
    if (!communicates(run)) continue;
    table.rows.push_back({cell(run.label), cell(run.ranks), Cell(run.all_comm_ns()), Cell(run.hidden_comm_ns()),
                          Cell(exposed_ns), hidden_share(run), Cell(run.share(Phase::kExposedComm))});
  }
  return table;
}

Table utilization_table(const Report& report) {
  Table table{"Use of the devices",
              {{"label", "run"},
               {"device_name", "device"},
               {"precision", "precision"},
               {"devices", "devices", Format::kCount},
               {"flops_per_sample", "a sample", Format::kFlops},
               {"flops_per_second", "model FLOP/s a device", Format::kFlopRate},
               {"device_flops_per_second", "peak of a device", Format::kFlopRate},
               {"flop_utilization", "utilisation", Format::kShare}},
              {}};
  for (const RunSummary& run : report.runs) {
    const log::RunAttributes& id = run.attributes;
    const Utilization& use = run.utilization;
    if (!use.flops_per_second) continue;
    table.rows.push_back({cell(run.label), cell(id.device_name.empty() ? id.device : id.device_name),
                          cell(id.precision), cell(run.devices), cell(id.flops_per_sample), cell(use.flops_per_second),
                          cell(use.device_flops_per_second), cell(use.share())});
  }
  return table;
}

Table events_table(const Report& report) {
  Table table{"Events",
              {{"label", "run"},
               {"kind", "event"},
               {"count", "times", Format::kCount},
               {"first_ns", "first after", Format::kDuration},
               {"last_ns", "last after", Format::kDuration},
               {"text", "the last one"}},
              {}};
  struct Kind {
    std::int64_t count = 0;
    double first_ns = 0;
    const RunEvent* last = nullptr;
  };
  constexpr std::size_t kMostKinds = 12;  // of a run
  for (const RunSummary& run : report.runs) {
    std::map<std::string, Kind> kinds;
    for (const RunEvent& event : run.events) {
      if (kinds.size() == kMostKinds && !kinds.contains(event.kind)) continue;
      Kind& kind = kinds[event.kind];
      if (kind.count++ == 0) kind.first_ns = event.after_ns;
      kind.last = &event;
    }
    for (const auto& [name, kind] : kinds) {
      table.rows.push_back({cell(run.label), cell(name), cell(kind.count), Cell(kind.first_ns),
                            Cell(kind.last->after_ns), cell(kind.last->text)});
    }
  }
  return table;
}

Table memory_step_table(const RunSummary& run) {
  Table table{"Memory over a step", {{"phase", "phase"}, {"peak_bytes", "at most", Format::kBytes}}, {}};
  const RankMemory* memory = fullest(run.memory);
  for (std::size_t phase = 0; memory != nullptr && phase < kMemoryPhases.size(); ++phase) {
    std::vector<Cell> row{cell(std::string(kMemoryPhases[phase].title)), cell(memory->phase_bytes[phase])};
    for (const MemoryPart& part : memory_parts(*memory, phase)) {
      if (table.rows.empty())
        table.columns.push_back({std::string(part.title), std::string(part.title), Format::kBytes});
      row.push_back(cell(part.bytes));
    }
    if (row.size() == table.columns.size()) table.rows.push_back(std::move(row));
  }
  return table;
}

Table bandwidth_table(const Report& report) {
  Table table{"Bus bandwidth by size",
              {{"label", "run"},
               {"op", "operation"},
               {"from_bytes", "size from", Format::kBytes},
               {"operations", "operations", Format::kCount},
               {"mean_bytes", "mean size", Format::kBytes},
               {"mean_ns", "mean time", Format::kDuration},
               {"bus_bandwidth", "bus bandwidth", Format::kBandwidth}},
              {}};
  constexpr double kFewestBytes = 4096;  // of smaller ones only the latency counts; report.json has them
  const bool swept = has_sweep(report);
  if (swept) {
    table.columns.push_back({"swept_bandwidth", "doctor's sweep", Format::kBandwidth});
    table.columns.push_back({"of_swept", "of the sweep", Format::kShare});
  }
  for (const RunSummary& run : report.runs) {
    for (const SizeBandwidth& size : run.bandwidth_by_size) {
      if (size.mean_bytes < kFewestBytes) continue;
      std::vector<Cell>& row = table.rows.emplace_back();
      row = {cell(run.label),         cell(std::string(log::collective_op_name(size.op))),
             cell(size.from_bytes),   cell(size.operations),
             Cell(size.mean_bytes),   Cell(size.mean_ns),
             Cell(size.bus_bandwidth)};
      if (!swept) continue;
      row.push_back(cell(size.swept));
      row.push_back(cell_if(size.swept.has_value(), size.bus_bandwidth / size.swept.value_or(1)));
    }
  }
  return table;
}

Table balance_table(const Report& report) {
  Table table{"Load balance",
              {{"label", "run"},
               {"ranks", "ranks", Format::kCount},
               {"load_balance", "balance over the run", Format::kShare},
               {"step_balance", "balance of a step", Format::kShare},
               {"wandering_share", "delayed steps", Format::kShare},
               {"wandering_ns", "mean delay", Format::kDuration}},
              {}};
  for (const RunSummary& run : report.runs) {
    const Balance& balance = run.balance;
    if (!balance.load) continue;
    const bool wandering = balance.wandering_share > 0;
    table.rows.push_back({cell(run.label), cell(run.ranks), cell(balance.load), cell(balance.step),
                          Cell(balance.wandering_share), cell_if(wandering, balance.wandering_ns)});
  }
  return table;
}

Table straggler_table(const Report& report) {
  Table table{"Stragglers",
              {{"label", "run"},
               {"rank", "rank", Format::kCount},
               {"node", "node"},
               {"cause", "late in"},
               {"kind", "kind"},
               {"late_share", "steps late", Format::kShare},
               {"late_ns", "mean lateness", Format::kDuration},
               {"cost", "of its time", Format::kShare}},
              {}};
  for (const RunSummary& run : report.runs) {
    for (const Straggler& one : run.balance.stragglers) {
      table.rows.push_back({cell(run.label), cell(one.rank), cell(one.node),
                            cell(std::string(kPhases[static_cast<std::size_t>(one.cause)].title)),
                            cell(std::string(one.persistent ? "persistent" : "wandering")), Cell(one.late_share),
                            Cell(one.late_ns), Cell(one.cost)});
    }
  }
  return table;
}

Table repeats_table(const Report& report) {
  Table table{"Repeats",
              {{"label", "first run"},
               {"repeats", "repeats", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"images_per_second_low", "95 % from", Format::kReal},
               {"images_per_second_high", "to", Format::kReal},
               {"epoch_ns", "epoch", Format::kDuration},
               {"epoch_low_ns", "95 % from", Format::kDuration},
               {"epoch_high_ns", "to", Format::kDuration},
               {"best_val_accuracy", "best accuracy", Format::kShare},
               {"best_val_accuracy_low", "95 % from", Format::kShare},
               {"best_val_accuracy_high", "to", Format::kShare}},
              {}};
  for (const Group& group : report.groups) {
    if (group.runs.size() < 2) continue;
    std::vector<Cell> row{cell(group.label), cell(std::ssize(group.runs))};
    for (const auto* figure : {&group.images_per_second, &group.epoch_ns, &group.best_val_accuracy}) {
      const bool there = figure->has_value();
      const RepeatedFigure repeated = figure->value_or(RepeatedFigure{});
      for (const double value : {repeated.mean, repeated.interval.low, repeated.interval.high})
        row.push_back(cell_if(there, value));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Table comparison_table(const Report& report) {
  Table table{"Comparisons",
              {{"label", "first run"},
               {"other", "against"},
               {"difference", "difference"},
               {"ratio", "samples/s, ratio", Format::kFactor},
               {"ratio_low", "95 % from", Format::kFactor},
               {"ratio_high", "to", Format::kFactor},
               {"verdict", "verdict"}},
              {}};
  for (const Comparison& one : report.comparisons) {
    table.rows.push_back({cell(report.groups[one.group].label), cell(report.groups[one.other].label),
                          cell(one.difference), Cell(one.ratio), Cell(one.interval.low), Cell(one.interval.high),
                          cell(std::string(name_of(one.verdict)))});
  }
  return table;
}

Table scaling_model_table(const Report& report) {
  Table table{"Fitted model",
              {{"label", "runs"},
               {"scaling", "scaling"},
               {"points", "rank counts", Format::kCount},
               {"compute_ns", "compute", Format::kDuration},
               {"alpha_ns", "alpha", Format::kDuration},
               {"bandwidth", "1 / beta", Format::kBandwidth},
               {"largest_error", "largest error", Format::kShare}},
              {}};
  constexpr std::ptrdiff_t kExactPoints = 2;  // that the model goes through whatever they are
  for (const ScalingModel& model : report.scaling_models) {
    const auto points = std::count_if(model.points.begin(), model.points.end(),
                                      [](const ScalingPoint& point) { return point.measured_ns > 0; });
    table.rows.push_back({cell(model.label), cell(std::string(name_of(model.kind))), cell(points),
                          Cell(model.compute_ns), cell_if(points > kExactPoints, model.alpha_ns),
                          cell_if(model.beta_ns > 0 && model.size_known, 1e9 / model.beta_ns),
                          cell_if(points > kExactPoints, model.largest_error)});
  }
  return table;
}

Table prediction_table(const Report& report) {
  Table table{"Measured and predicted steps",
              {{"label", "runs"},
               {"scaling", "scaling"},
               {"ranks", "ranks", Format::kCount},
               {"measured_ns", "measured step", Format::kDuration},
               {"model_ns", "model", Format::kDuration},
               {"images_per_second", "samples/s", Format::kReal},
               {"efficiency", "efficiency", Format::kShare},
               {"basis", "basis"}},
              {}};
  for (const ScalingModel& model : report.scaling_models) {
    for (const ScalingPoint& point : model.points) {
      const bool measured = point.measured_ns > 0;
      table.rows.push_back(
          {cell(model.label), cell(std::string(name_of(model.kind))), cell(point.ranks),
           cell_if(measured, point.measured_ns), Cell(point.model_ns), Cell(point.images_per_second),
           Cell(point.efficiency),
           cell(measured ? std::string("measured") : fmt::format("extrapolated {:g} times", point.beyond))});
    }
  }
  return table;
}

Table cost_table(const Report& report) {
  Table table{"Cost",
              {{"label", "run"},
               {"device_name", "device"},
               {"devices", "devices", Format::kCount},
               {"training_ns", "training time", Format::kDuration},
               {"device_hours", "device hours", Format::kReal},
               {"device_hours_per_epoch", "an epoch", Format::kReal}},
              {}};
  constexpr double kHourNs = 3.6e12;
  for (const RunSummary& run : report.runs) {
    if (run.training_ns <= 0) continue;
    const auto devices = static_cast<double>(run.devices);
    const log::RunAttributes& id = run.attributes;
    table.rows.push_back({cell(run.label), cell(id.device_name.empty() ? id.device : id.device_name), cell(run.devices),
                          Cell(run.training_ns), Cell(run.device_hours()),
                          cell_if(run.epoch_ns.has_value(), devices * run.epoch_ns.value_or(0) / kHourNs)});
  }
  return table;
}

Table scaling_table(const Report& report) {
  Table table{"Speedup and efficiency",
              {{"label", "run"},
               {"baseline", "baseline"},
               {"scaling", "scaling"},
               {"ranks", "ranks", Format::kCount},
               {"devices", "devices", Format::kCount},
               {"images_per_second", "samples/s", Format::kReal},
               {"baseline_images_per_second", "baseline samples/s", Format::kReal},
               {"speedup", "speedup", Format::kFactor},
               {"ideal_speedup", "ideal", Format::kFactor},
               {"efficiency", "efficiency", Format::kShare}},
              {}};
  for (const Scaling& scaling : report.scaling) {
    const RunSummary& run = report.runs[scaling.run];
    const RunSummary& baseline = report.runs[scaling.baseline];
    table.rows.push_back({cell(run.label), cell(baseline.label), cell(std::string(name_of(scaling.kind))),
                          cell(run.ranks), cell(run.devices), cell(run.images_per_second),
                          cell(baseline.images_per_second), Cell(scaling.speedup),
                          Cell(static_cast<double>(run.devices)), Cell(scaling.efficiency)});
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

}  // namespace trainyard::report
