#include <fmt/format.h>

#include <algorithm>

#include "core/text.h"
#include "report/cells.h"
#include "report/format.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

std::string checkpointing_of(const StudyRun& run) {
  return config_value(run.config, "activation-checkpointing");
}

/// N / B times the time per batch: a whole epoch's steps, each as long as a measured one. 0 where not known.
double estimated_epoch_ns(const StudyRun& run) {
  return static_cast<double>(run.run->steps_per_epoch) * run.run->step_mean_ns;
}

Table epochs_table(const std::vector<const StudyRun*>& set) {
  Table table{"Estimated and actual epoch",
              {{"label", "run"},
               {"approach", "approach"},
               {"devices", "devices", Format::kCount},
               {"global_batch", "batch", Format::kCount},
               {"workers", "workers", Format::kCount},
               {"checkpointing", "checkpointing"},
               {"step_ns", "time per batch", Format::kDuration},
               {"estimated_epoch_ns", "estimated epoch, N/B x t", Format::kDuration},
               {"epoch_ns", "actual epoch", Format::kDuration},
               {"epoch_validation_ns", "of it validation", Format::kDuration},
               {"epoch_checkpoint_ns", "checkpoints", Format::kDuration},
               {"epoch_rest_ns", "unexplained", Format::kDuration},
               {"peak_bytes", "peak memory", Format::kBytes}},
              {},
              "epoch_ns"};
  for (const StudyRun* run : set) {
    const RunSummary& summary = *run->run;
    const double estimated = estimated_epoch_ns(*run);
    const double explained =
        estimated + summary.epoch_validation_ns.value_or(0) + summary.epoch_checkpoint_ns.value_or(0);
    const RankMemory* memory = fullest(summary.memory);
    table.rows.push_back({cell(summary.label), cell(run->approach), cell(run->devices()), known(run->id().global_batch),
                          cell(config_number(run->config, "workers")), cell(checkpointing_of(*run)),
                          Cell(summary.step_mean_ns), cell_if(estimated > 0, estimated), cell(run->epoch_ns),
                          cell(summary.epoch_validation_ns), cell(summary.epoch_checkpoint_ns),
                          cell_if(estimated > 0 && run->epoch_ns, run->epoch_ns.value_or(0) - explained),
                          cell(memory == nullptr ? std::nullopt : memory->peak_bytes)});
  }
  return table;
}

Table loading_table(const std::vector<const StudyRun*>& set) {
  Table table{"Where a step goes by loader workers",
              {{"label", "run"}, {"workers", "workers", Format::kCount}, {"step_ns", "step", Format::kDuration}},
              {}};
  for (const PhaseName& phase : kPhases)
    table.columns.push_back({std::string(phase.id), std::string(phase.title), Format::kShare});
  for (const StudyRun* run : set) {
    const auto workers = config_number(run->config, "workers");
    if (!workers) continue;
    std::vector<Cell> row{cell(run->run->label), cell(workers), Cell(run->run->step_mean_ns)};
    for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
      row.push_back(Cell(run->run->share(static_cast<Phase>(phase))));
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// A run on one device with this many workers and without recomputed activations.
const StudyRun* plain_run(const std::vector<const StudyRun*>& set, std::int64_t workers) {
  const auto found = std::find_if(set.begin(), set.end(), [workers](const StudyRun* run) {
    return run->devices() == 1 && config_number(run->config, "workers") == workers &&
           checkpointing_of(*run) != "block" && checkpointing_of(*run) != "stage";
  });
  return found == set.end() ? nullptr : *found;
}

std::vector<Claim> claims_of(const std::vector<const StudyRun*>& set) {
  std::vector<Claim> claims;
  const StudyRun* none = plain_run(set, 0);
  const StudyRun* two = plain_run(set, 2);
  if (none != nullptr && two != nullptr) {
    const double before = none->run->share(Phase::kData);
    const double data = two->run->share(Phase::kData);
    const double transfer = two->run->share(Phase::kTransfer);
    claims.push_back(
        {"With two loader workers the bottleneck moves from loading to the transfer to the device.",
         fmt::format("waiting for data {} of a step without workers, {} with two, where the transfer takes {}",
                     format_percent(before), format_percent(data), format_percent(transfer)),
         before > data && transfer > data});
  }
  const StudyRun* plain = two != nullptr ? two : none;
  const RankMemory* memory = plain == nullptr ? nullptr : fullest(plain->run->memory);
  constexpr std::size_t kActivations = 3;  // of kMemoryCategories
  if (memory != nullptr && memory->peak_bytes && memory->category_bytes[kActivations] && *memory->peak_bytes > 0) {
    const double share =
        static_cast<double>(*memory->category_bytes[kActivations]) / static_cast<double>(*memory->peak_bytes);
    claims.push_back(
        {"Activations dominate the peak of memory.",
         fmt::format("{} of {} in {}", format_percent(share),
                     core::format_bytes(static_cast<std::uint64_t>(*memory->peak_bytes)), plain->run->label),
         share > 0.5});
  }
  return claims;
}

}  // namespace

Section memory_study(const std::vector<StudyRun>& runs) {
  Section section{"study-memory", "Study: memory", "Tiny ImageNet: what a batch costs in time and memory.", {}, {}, {}};
  std::vector<const StudyRun*> set;
  for (const StudyRun& run : runs) {
    if (run.id().data == "tiny-imagenet") set.push_back(&run);
  }
  if (set.empty()) return section;
  section.tables.push_back(epochs_table(set));
  if (Table loading = loading_table(set); !loading.rows.empty()) section.tables.push_back(std::move(loading));
  add_claims(claims_of(set), section);
  section.notes.emplace_back(
      "Estimated epoch: steps of a whole epoch times the mean measured step, warm-up left out. What is unexplained is "
      "the "
      "first steps, which are slower, starting the loader, and what lies between training, validation and "
      "checkpoints.");
  return section;
}

}  // namespace trainyard::report
