#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "report/cells.h"
#include "report/study_runs.h"

namespace trainyard::report {
namespace {

std::size_t place_of(const std::string& precision) {
  static const std::vector<std::string> order{"fp32", "tf32", "amp", "bf16", "fp16"};
  return static_cast<std::size_t>(std::find(order.begin(), order.end(), precision) - order.begin());
}

Table precision_table(const std::vector<const StudyRun*>& set) {
  const StudyRun& first = *set.front();
  const bool several = first.run->ranks > 1;
  Table table{fmt::format("{} on {}, {} on {} {}", first.id().model, first.id().data, first.approach, first.devices(),
                          first.devices() == 1 ? "device" : "devices"),
              {{"precision", "Precision"},
               {"training_ns", "Training time", Format::kDuration},
               {"model_bytes", "Model size", Format::kBytes},
               {"bandwidth", several ? "Bandwidth (all-reduce bus)" : "Bandwidth (host to device)", Format::kBandwidth},
               {"epochs", "epochs", Format::kCount},
               {"epoch_ns", "epoch", Format::kDuration},
               {"images_per_second", "samples/s", Format::kReal},
               {"best_val_accuracy", "best accuracy", Format::kShare}},
              {},
              "training_ns"};
  for (const StudyRun* run : set) {
    const RunSummary& summary = *run->run;
    table.rows.push_back({cell(run->id().precision), cell_if(run->training_ns > 0, run->training_ns),
                          known(run->id().model_bytes),
                          cell(several ? summary.bus_bandwidth : summary.transfer_bandwidth), cell(summary.epochs),
                          cell(run->epoch_ns), Cell(run->images_per_second), cell(summary.best_val_accuracy)});
  }
  return table;
}

}  // namespace

Section precision_study(const std::vector<StudyRun>& runs) {
  Section section{"study-precision", "Study: precision", "The same training in each precision.", {}, {}, {}};
  auto sets = sets_by(runs, [](const StudyRun& run) {
    return std::make_tuple(run.id().model, run.id().data, run.approach, run.devices(), run.id().global_batch,
                           run.id().device_name);
  });
  for (auto& set : sets) {
    std::set<std::string> precisions;
    for (const StudyRun* run : set)
      precisions.insert(run->id().precision);
    if (precisions.size() < 2) continue;
    std::stable_sort(set.begin(), set.end(), [](const StudyRun* a, const StudyRun* b) {
      return place_of(a->id().precision) < place_of(b->id().precision);
    });
    section.tables.push_back(precision_table(set));
    for (const StudyRun* run : set)
      section.points.push_back(
          fmt::format("{}, {}: {}{}", section.tables.back().title, run->id().precision, run->run->limit.sentence,
                      run->id().precision_note.empty() ? "" : " " + run->id().precision_note + "."));
  }
  section.notes.emplace_back(
      "Training time is that of all finished epochs, or of the measured steps where there are none. Model size: "
      "parameters "
      "and buffers in the types that are trained; of amp and tf32 that is fp32. Bandwidth of several ranks is that of "
      "their all-reduces on the bus, of one rank that of its copies from host to device; a CPU copies nothing.");
  return section;
}

}  // namespace trainyard::report
