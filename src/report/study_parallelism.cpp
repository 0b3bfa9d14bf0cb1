#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <tuple>

#include "core/text.h"
#include "report/cells.h"
#include "report/format.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

bool of_study_3(const StudyRun& run) {
  static const std::set<std::string> strategies{"single", "ddp", "zero1", "model-parallel", "pipeline"};
  return strategies.contains(run.id().strategy);
}

struct Convergence {
  std::int64_t epochs = 0;
  std::string by;
};

/// The first epoch at `target-accuracy`, or within half a point of the run's best.
std::optional<Convergence> convergence_of(const StudyRun& run) {
  if (!run.run->best_val_accuracy) return std::nullopt;
  const double target = core::parse_double(config_value(run.config, "target-accuracy")).value_or(0);
  const double wanted = target > 0 ? target : *run.run->best_val_accuracy - 0.005;
  for (const CurvePoint& point : run.run->val_accuracy) {
    if (point.value >= wanted) {
      return Convergence{static_cast<std::int64_t>(point.x),
                         target > 0 ? "target " + format_percent(target) : "within 0.5 points of its best"};
    }
  }
  return std::nullopt;
}

Table approaches_table(const std::vector<StudyRun>& runs) {
  Table table{"Training time by approach",
              {{"model", "model"},
               {"data", "data"},
               {"global_batch", "batch", Format::kCount},
               {"approach", "approach"},
               {"devices", "devices", Format::kCount},
               {"epoch_ns", "average epoch", Format::kDuration},
               {"training_ns", "training time", Format::kDuration},
               {"images_per_second", "samples/s", Format::kReal},
               {"epochs_to_converge", "epochs to converge", Format::kCount},
               {"converged_by", "by"}},
              {},
              "training_ns"};
  const auto sets = sets_by(
      runs, [](const StudyRun& run) { return std::make_tuple(run.id().model, run.id().data, run.id().precision); });
  for (const auto& set : sets) {
    std::set<std::string> approaches;
    for (const StudyRun* run : set) {
      if (of_study_3(*run)) approaches.insert(run->approach);
    }
    const bool shared = approaches.contains("model parallel") || approaches.contains("pipeline") ||
                        approaches.contains("DDP, sharded states");
    if (approaches.size() < 2 || !shared) continue;
    for (const StudyRun* run : set) {
      if (!of_study_3(*run)) continue;
      const std::optional<Convergence> convergence = convergence_of(*run);
      table.rows.push_back({cell(run->id().model), cell(run->id().data), known(run->id().global_batch),
                            cell(run->approach), cell(run->devices()), cell(run->epoch_ns),
                            cell_if(run->training_ns > 0, run->training_ns), Cell(run->images_per_second),
                            known(convergence ? convergence->epochs : 0),
                            cell(convergence ? convergence->by : std::string())});
    }
  }
  return table;
}

/// Samples in one micro-batch of a pipeline; none where the configuration leaves that to the number of stages.
std::optional<std::int64_t> split_size(const StudyRun& run) {
  const std::int64_t parts = config_number(run.config, "micro-batches").value_or(0);
  const std::int64_t batch = config_number(run.config, "batch-size").value_or(0);
  if (parts > 0 && batch > 0) return (batch + parts - 1) / parts;
  const std::int64_t size = config_number(run.config, "split-size").value_or(0);
  return size > 0 ? std::optional(size) : std::nullopt;
}

Table split_sizes_table(const std::vector<StudyRun>& runs) {
  Table table{"Training time against split size",
              {{"model", "model"},
               {"data", "data"},
               {"batch", "batch", Format::kCount},
               {"schedule", "schedule"},
               {"split_size", "split size", Format::kCount},
               {"step_ns", "time per batch", Format::kDuration},
               {"epoch_ns", "average epoch", Format::kDuration},
               {"images_per_second", "samples/s", Format::kReal},
               {"bubble", "bubble", Format::kShare},
               {"predicted_bubble", "predicted", Format::kShare}},
              {},
              "step_ns"};
  auto sets = sets_by(runs, [](const StudyRun& run) {
    return std::make_tuple(run.id().model, run.id().data, run.id().precision, run.id().strategy, run.devices(),
                           run.id().global_batch, config_value(run.config, "pipeline-schedule"));
  });
  for (auto& set : sets) {
    if (set.front()->id().strategy != "pipeline") continue;
    std::erase_if(set, [](const StudyRun* run) { return !split_size(*run); });
    std::stable_sort(set.begin(), set.end(),
                     [](const StudyRun* a, const StudyRun* b) { return *split_size(*a) < *split_size(*b); });
    if (set.empty() || *split_size(*set.front()) == *split_size(*set.back())) continue;
    for (const StudyRun* run : set) {
      table.rows.push_back({cell(run->id().model), cell(run->id().data), known(run->id().global_batch),
                            cell(config_value(run->config, "pipeline-schedule")), cell(split_size(*run)),
                            Cell(run->run->step_mean_ns), cell(run->epoch_ns), Cell(run->images_per_second),
                            cell(run->run->bubble), cell(run->run->predicted_bubble)});
    }
  }
  return table;
}

}  // namespace

Section parallelism_study(const std::vector<StudyRun>& runs) {
  Section section{
      "study-parallelism", "Study: parallelism", "Ways to spread one model's training over devices.", {}, {}, {}};
  for (Table& table : std::vector<Table>{approaches_table(runs), split_sizes_table(runs)}) {
    if (!table.rows.empty()) section.tables.push_back(std::move(table));
  }
  section.notes.emplace_back(
      "Epochs to converge: the first epoch whose validation accuracy reached target-accuracy, or, without that key, "
      "was "
      "within half a point of the run's best. Split size: samples in a micro-batch.");
  return section;
}

}  // namespace trainyard::report
