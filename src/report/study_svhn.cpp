#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/text.h"
#include "report/cells.h"
#include "report/format.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

/// Keys that say nothing of how the model is trained.
bool hyper_parameter(const std::string& key) {
  return key != "output" && key != "data-dir" && key != "tokenizer" && key != "weights";
}

Table parameters_table(const StudyRun& run) {
  Table table{"Hyper-parameters of " + run.run->label, {{"key", "key"}, {"value", "value"}}, {}};
  for (const auto& [key, value] : run.config) {
    if (hyper_parameter(key) && !value.empty()) table.rows.push_back({cell(key), cell(value)});
  }
  return table;
}

Table nodes_table(const std::vector<const StudyRun*>& set, const StudyRun* one) {
  Table table{"Time and speedup by nodes",
              {{"label", "run"},
               {"nodes", "nodes", Format::kCount},
               {"devices", "devices", Format::kCount},
               {"global_batch", "batch", Format::kCount},
               {"precision", "precision"},
               {"accumulate", "accumulate", Format::kCount},
               {"training_ns", "training time", Format::kDuration},
               {"epoch_ns", "epoch", Format::kDuration},
               {"images_per_second", "samples/s", Format::kReal},
               {"speedup", "over one node", Format::kFactor},
               {"best_val_accuracy", "best accuracy", Format::kShare}},
              {},
              "speedup"};
  for (const StudyRun* run : set) {
    table.rows.push_back(
        {cell(run->run->label), known(std::ssize(run->run->nodes)), cell(run->devices()), known(run->id().global_batch),
         cell(run->id().precision), cell(config_number(run->config, "accumulate")),
         cell_if(run->training_ns > 0, run->training_ns), cell(run->epoch_ns), Cell(run->images_per_second),
         cell_if(one != nullptr, one == nullptr ? 0 : run->images_per_second / one->images_per_second),
         cell(run->run->best_val_accuracy)});
  }
  return table;
}

Table memory_by_category(const std::vector<const StudyRun*>& set) {
  Table table{"Memory of the fullest rank",
              {{"label", "run"}, {"devices", "devices", Format::kCount}, {"peak_bytes", "peak", Format::kBytes}},
              {},
              "peak_bytes"};
  for (const MemoryCategory& category : kMemoryCategories)
    table.columns.push_back({std::string(category.id) + "_bytes", std::string(category.title), Format::kBytes});
  for (const StudyRun* run : set) {
    const RankMemory* memory = fullest(run->run->memory);
    if (memory == nullptr) continue;
    std::vector<Cell> row{cell(run->run->label), cell(run->devices()), cell(memory->peak_bytes)};
    for (const auto& bytes : memory->category_bytes)
      row.push_back(cell(bytes));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::optional<std::int64_t> parameter_bytes(const StudyRun& run) {
  const RankMemory* memory = fullest(run.run->memory);
  return memory == nullptr ? std::nullopt : memory->category_bytes.front();
}

/// The authors say that DDP holds a portion of the model on each GPU.
Claim portion_claim(const std::vector<const StudyRun*>& set) {
  Claim claim{"DDP holds a portion of the model on each device.", "", false};
  for (const StudyRun* several : set) {
    if (several->id().strategy != "ddp" || several->devices() < 2) continue;
    for (const StudyRun* one : set) {
      const auto whole = parameter_bytes(*one);
      const auto held = parameter_bytes(*several);
      const bool same_type = one->id().precision == several->id().precision;
      if (one->devices() != 1 || !same_type || !whole || !held || *whole <= 0) continue;
      const double share = static_cast<double>(*held) / static_cast<double>(*whole);
      claim.holds = share < 0.9;
      claim.measured = fmt::format("each of {} ranks holds {} of parameters, one device alone {}", several->devices(),
                                   core::format_bytes(static_cast<std::uint64_t>(*held)),
                                   core::format_bytes(static_cast<std::uint64_t>(*whole)));
      return claim;
    }
  }
  return claim;
}

}  // namespace

Section svhn_study(const std::vector<StudyRun>& runs) {
  Section section{"study-svhn",
                  "Study: SVHN",
                  "One node against two, what each holds in memory, and ways to hold less.",
                  {},
                  {},
                  {}};
  std::vector<const StudyRun*> set;
  const StudyRun* one = nullptr;
  for (const StudyRun& run : runs) {
    if (run.id().data != "svhn") continue;
    set.push_back(&run);
    const bool plain = run.run->nodes.size() == 1 && run.devices() == 1 && run.id().precision == "fp32" &&
                       config_number(run.config, "accumulate").value_or(1) == 1;
    if (plain && one == nullptr) one = &run;
  }
  if (set.empty()) return section;
  section.tables.push_back(nodes_table(set, one));
  if (Table memory = memory_by_category(set); !memory.rows.empty()) section.tables.push_back(std::move(memory));
  add_claims({portion_claim(set)}, section);
  for (const StudyRun* run : set) {
    if (Table parameters = parameters_table(*run); !parameters.rows.empty())
      section.tables.push_back(std::move(parameters));
  }
  return section;
}

}  // namespace trainyard::report
