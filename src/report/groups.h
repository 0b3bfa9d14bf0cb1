#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "report/bootstrap.h"
#include "report/config_text.h"
#include "report/summary.h"

namespace trainyard::report {

/// A figure over the repeats that have it.
struct RepeatedFigure {
  std::vector<double> values;
  double mean = 0;
  Interval interval;
};

/// Runs of one configuration; `runs` index those given to `find_groups`.
struct Group {
  std::string label;  ///< of its first run
  std::vector<std::size_t> runs;
  std::optional<RepeatedFigure> images_per_second;
  std::optional<RepeatedFigure> epoch_ns;
  std::optional<RepeatedFigure> best_val_accuracy;
};

enum class Verdict { kFaster, kSlower, kNoDifference, kTooFewRepeats };

/// Two groups whose configurations differ in one thing.
struct Comparison {
  std::size_t group = 0;
  std::size_t other = 0;
  std::string difference;  ///< "precision: amp instead of fp32"
  double ratio = 1;        ///< of samples per second: those of the group over those of the other
  Interval interval;       ///< where both have repeats
  Verdict verdict = Verdict::kTooFewRepeats;
};

/// Everything that makes a run's configuration, by name, its seed left out: runs that are equal here are repeats.
ConfigText factors_of(const RunSummary& run);

/// Complete or not, by first run. Runs with missing ranks take no part.
std::vector<Group> find_groups(const std::vector<RunSummary>& runs);

/// Every pair of groups, at least one of them repeated, that differ in exactly one of: number of ranks (the batch per
/// rank or the global batch being equal), or any other key of the configuration.
std::vector<Comparison> compare_groups(const std::vector<RunSummary>& runs, const std::vector<Group>& groups);

/// "no significant difference", ...
const char* name_of(Verdict verdict);

}  // namespace trainyard::report
