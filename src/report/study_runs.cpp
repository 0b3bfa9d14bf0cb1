#include "report/study_runs.h"

#include <fmt/format.h>

#include <utility>

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
    StudyRun run{&first,
                 parse_config_text(first.attributes.config),
                 approach_of(first.attributes.strategy),
                 group.images_per_second->mean,
                 std::nullopt,
                 0};
    if (run.devices() == 1 && run.approach == "DDP") run.approach = "single";  // with nobody to share with it is that
    for (const std::size_t repeat : group.runs)
      run.training_ns += report.runs[repeat].training_ns / static_cast<double>(group.runs.size());
    if (group.epoch_ns) run.epoch_ns = group.epoch_ns->mean;
    runs.push_back(std::move(run));
  }
  return runs;
}

void add_claims(const std::vector<Claim>& claims, Section& section) {
  for (const Claim& claim : claims) {
    if (claim.measured.empty()) continue;
    section.points.push_back(fmt::format("\"{}\" (the study's authors). Measured here: {}. So it {}.", claim.claim,
                                         claim.measured, claim.holds ? "holds" : "does not hold"));
  }
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
