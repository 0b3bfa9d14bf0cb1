#include "report/study_runs.h"

#include <utility>

#include "report/cells.h"

namespace trainyard::report {
namespace {

std::string approach_of(const std::string& strategy) {
  static const std::vector<std::pair<std::string, std::string>> names{{"dp", "DP"},
                                                                      {"ddp", "DDP"},
                                                                      {"zero1", "DDP, sharded states"},
                                                                      {"zero2", "DDP, sharded gradients"},
                                                                      {"zero3", "DDP, sharded parameters"},
                                                                      {"model-parallel", "model parallel"}};
  for (const auto& [name, words] : names) {
    if (name == strategy) return words;
  }
  return strategy;
}

}  // namespace

std::vector<StudyRun> study_runs(const Report& report) {
  std::vector<StudyRun> runs;
  for (const Group& group : report.groups) {
    if (!group.images_per_second) continue;
    const RunSummary& first = report.runs[group.runs.front()];
    StudyRun run{&first, parse_config_text(first.attributes.config), approach_of(first.attributes.strategy),
                 group.images_per_second->mean, std::nullopt};
    if (run.devices() == 1 && run.approach == "DDP") run.approach = "single";  // with nobody to share with it is that
    if (group.epoch_ns) run.epoch_ns = group.epoch_ns->mean;
    runs.push_back(std::move(run));
  }
  return runs;
}

Table claims_table(const std::vector<Claim>& claims) {
  Table table{"What the authors say, and what was measured",
              {{"claim", "claim"}, {"measured", "measured here"}, {"verdict", "so it"}},
              {}};
  for (const Claim& claim : claims) {
    if (claim.measured.empty()) continue;
    table.rows.push_back(
        {cell(claim.claim), cell(claim.measured), cell(std::string(claim.holds ? "holds" : "does not hold"))});
  }
  return table;
}

std::vector<Section> study_sections(const Report& report) {
  const std::vector<StudyRun> runs = study_runs(report);
  std::vector<Section> sections;
  for (Section& section : std::vector<Section>{speedup_study(report, runs), precision_study(runs),
                                               parallelism_study(runs), svhn_study(runs), memory_study(runs)}) {
    if (!section.tables.empty()) sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace trainyard::report
