#include "report/section.h"

#include <algorithm>
#include <utility>

#include "report/statistics.h"
#include "report/study_runs.h"
#include "report/sweep.h"

namespace trainyard::report {
namespace {

class Builder {
 public:
  Section& add(std::string id, std::string title, std::string lede) {
    return sections_.emplace_back(Section{std::move(id), std::move(title), std::move(lede), {}, {}, {}});
  }
  std::vector<Section> take() && { return std::move(sections_); }

 private:
  std::vector<Section> sections_;
};

void put(Section& section, Table table) {
  if (!table.rows.empty()) section.tables.push_back(std::move(table));
}

void add_runs(const Report& report, Builder& builder) {
  Section& runs = builder.add("runs", "Runs",
                              "Throughput is over all ranks of a run; speedup is against its single-device baseline.");
  put(runs, runs_table(report));
  runs.notes.emplace_back(kWarmupRule);
  Section& limits = builder.add("limits", "What limits each run", "");
  for (const RunSummary& run : report.runs)
    limits.points.push_back(run.label + ": " + run.limit.sentence);
  limits.notes.emplace_back(kLimitRule);
}

void add_speedup(const Report& report, Builder& builder) {
  Section& speedup = builder.add("speedup", "Speedup and efficiency", "");
  if (report.scaling.empty()) {
    speedup.lede = "No run on several devices has a single-device baseline here.";
  } else {
    speedup.lede = "Weak scaling keeps the batch per device, strong scaling the global batch.";
    put(speedup, scaling_table(report));
    speedup.points = scaling_notes(report);
    speedup.notes.emplace_back(kBaselineRule);
  }
  if (report.scaling_models.empty()) return;
  Section& model = builder.add("scaling-model", "Scaling model",
                               "Step time against ranks as computing and communication, and what that would mean for "
                               "more ranks than were measured.");
  put(model, scaling_model_table(report));
  put(model, prediction_table(report));
  model.notes.emplace_back(kScalingModelRule);
}

void add_repeats(const Report& report, Builder& builder) {
  Table repeats = repeats_table(report);
  if (repeats.rows.empty()) return;
  Section& section =
      builder.add("repeats", "Repeats and differences",
                  "What repeating the same configuration gave, and which differences are more than that.");
  put(section, std::move(repeats));
  put(section, comparison_table(report));
  section.notes.emplace_back(kBootstrapRule);
}

void add_utilization(const Report& report, Builder& builder) {
  Table table = utilization_table(report);
  if (table.rows.empty()) return;
  Section& section = builder.add("utilization", "Use of the devices",
                                 "What the model's own arithmetic amounts to, and how much of the devices that takes.");
  put(section, std::move(table));
  section.notes.emplace_back(kUtilizationRule);
}

void add_communication(const Report& report, Builder& builder) {
  Table communication = communication_table(report);
  Table bandwidth = bandwidth_table(report);
  if (communication.rows.empty() && bandwidth.rows.empty()) return;
  Section& section = builder.add("communication", "Communication",
                                 "Hidden communication runs while the ranks compute and costs nothing; for exposed "
                                 "communication computing waits.");
  put(section, std::move(communication));
  if (bandwidth.rows.empty()) return;
  const bool swept = bandwidth.columns.back().id == "of_swept";
  put(section, std::move(bandwidth));
  section.notes.emplace_back(kBandwidthRule);
  if (swept) section.notes.emplace_back(kSweepRule);
}

void add_balance(const Report& report, Builder& builder) {
  Table balance = balance_table(report);
  if (balance.rows.empty()) return;
  Section& section = builder.add("balance", "Load balance and stragglers",
                                 "How evenly work lies on the ranks, and which of them the others wait for.");
  put(section, std::move(balance));
  put(section, straggler_table(report));
  if (section.tables.size() == 1) section.points.emplace_back("No rank is late enough to be named.");
  section.notes.emplace_back(kStragglerRule);
}

void add_training(const Report& report, Builder& builder) {
  Section& training =
      builder.add("training", "Training", "Loss over the samples seen, validation accuracy after each epoch.");
  put(training, training_table(report));
  training.notes.emplace_back(kEpochRule);
  const bool gpus = std::all_of(report.runs.begin(), report.runs.end(),
                                [](const auto& run) { return run.attributes.device == "cuda"; });
  Section& cost = builder.add("cost", gpus ? "Cost in GPU hours" : "Cost in device hours",
                              "Training time of all finished epochs, or of the measured steps where there are none, "
                              "times devices.");
  put(cost, cost_table(report));
}

}  // namespace

std::vector<Section> sections_of(const Report& report) {
  Builder builder;
  if (!report.runs.empty()) {
    add_runs(report, builder);
    add_speedup(report, builder);
    add_repeats(report, builder);
    put(builder.add("phases", "Where a step goes", "Mean share of each phase over all ranks and measured steps."),
        phases_table(report));
    add_utilization(report, builder);
    add_communication(report, builder);
    add_balance(report, builder);
    if (Table memory = memory_table(report); !memory.rows.empty()) {
      Section& section = builder.add("memory", "Memory", "What each rank held at most, and what it was.");
      put(section, std::move(memory));
      section.notes.emplace_back(kMemoryRule);
    }
    if (Table devices = devices_table(report); !devices.rows.empty()) {
      Section& section = builder.add("devices", "Devices", "How busy the devices were, and what they used.");
      put(section, std::move(devices));
      section.notes.emplace_back(kDeviceRule);
    }
    add_training(report, builder);
    if (Table events = events_table(report); !events.rows.empty()) {
      Section& section =
          builder.add("events", "Events", "Checkpoints, restarts, skipped steps and what else the runs tell of.");
      put(section, std::move(events));
      section.notes.emplace_back(kEventRule);
    }
  }
  if (!report.inference.empty()) {
    Section& inference = builder.add("inference", "Inference", "Time of a batch by its size, one batch at a time.");
    put(inference, inference_table(report));
    inference.notes.emplace_back(kInferenceRule);
  }
  if (!report.preflights.empty()) {
    put(builder.add("preflight", "Preflight", "What tools/doctor found before the runs."), preflight_table(report));
  }
  std::vector<Section> sections = std::move(builder).take();
  for (Section& study : study_sections(report))
    sections.push_back(std::move(study));
  return sections;
}

}  // namespace trainyard::report
