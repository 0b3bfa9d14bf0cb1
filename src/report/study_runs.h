#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/report.h"
#include "report/section.h"

/// What the tables of the studies share: configurations, not runs, in the words of the studies' authors.
namespace trainyard::report {

/// A configuration and what its runs gave, repeats taken together.
struct StudyRun {
  const RunSummary* run = nullptr;  ///< the first of the repeats
  ConfigText config;
  std::string approach;  ///< "single", "DP", "DDP", "DDP, sharded states", "model parallel", "pipeline", ...
  double images_per_second = 0;
  std::optional<double> epoch_ns;
  double training_ns = 0;

  const log::RunAttributes& id() const { return run->attributes; }
  std::int64_t devices() const { return run->devices; }
};

/// Of every group of repeats that has a throughput.
std::vector<StudyRun> study_runs(const Report& report);

/// Sets of runs that agree in `key`, a function of a StudyRun; in the order in which they begin.
template <class Key>
std::vector<std::vector<const StudyRun*>> sets_by(const std::vector<StudyRun>& runs, Key key);

/// Whether a claim of a study's authors holds here, as a sentence of `add_claims`.
struct Claim {
  std::string claim;
  std::string measured;  ///< the figures; empty: the runs for it are not there
  bool holds = false;
};

/// Those claims that something was measured for, into the section's points.
void add_claims(const std::vector<Claim>& claims, Section& section);

// The sections, without tables where the runs for them are not there.
Section speedup_study(const Report& report, const std::vector<StudyRun>& runs);
Section precision_study(const std::vector<StudyRun>& runs);
Section parallelism_study(const std::vector<StudyRun>& runs);
Section svhn_study(const std::vector<StudyRun>& runs);
Section memory_study(const std::vector<StudyRun>& runs);

/// All of them that have a table.
std::vector<Section> study_sections(const Report& report);

template <class Key>
std::vector<std::vector<const StudyRun*>> sets_by(const std::vector<StudyRun>& runs, Key key) {
  std::vector<std::vector<const StudyRun*>> sets;
  for (const StudyRun& run : runs) {
    bool placed = false;
    for (auto& set : sets) {
      placed = key(*set.front()) == key(run);
      if (placed) set.push_back(&run);
      if (placed) break;
    }
    if (!placed) sets.push_back({&run});
  }
  return sets;
}

}  // namespace trainyard::report
