#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/groups.h"
#include "report/inference.h"
#include "report/model.h"
#include "report/scaling.h"
#include "report/scaling_model.h"
#include "report/summary.h"
#include "report/table.h"

namespace trainyard::report {

/// Everything that a writer shows; it holds no clock and no path of this machine, so the same logs give the same bytes.
struct Report {
  std::vector<RunSummary> runs;  ///< of training
  std::vector<InferenceSummary> inference;
  std::vector<Scaling> scaling;
  std::vector<ScalingModel> scaling_models;
  std::vector<Group> groups;  ///< every run that has all its ranks is in one
  std::vector<Comparison> comparisons;
  std::vector<Preflight> preflights;
  std::vector<Problem> problems;
  std::size_t log_files = 0;
};

/// Figures of every run; the logs are let go run by run.
Report make_report(Collection collection);

/// Nodes of a run by count and name: "2 (n1, n2)"; the first few names where they are many.
std::string describe_nodes(const RunSummary& run);

/// One line per run: what it is, how fast, how good.
Table runs_table(const Report& report);
/// Each phase's share of a step, per run.
Table phases_table(const Report& report);
/// Operations of the model and how much of the devices they take, per run whose log counts them.
Table utilization_table(const Report& report);
/// What happened in each run, by kind.
Table events_table(const Report& report);
/// Communication per step, hidden and exposed; runs that communicate only.
Table communication_table(const Report& report);
/// Bus bandwidth by operation and size, per run.
Table bandwidth_table(const Report& report);
/// How evenly work lies on the ranks, per run of several.
Table balance_table(const Report& report);
/// Ranks that the others wait for.
Table straggler_table(const Report& report);
/// Configurations that were run more than once, with confidence intervals.
Table repeats_table(const Report& report);
/// Pairs of configurations that differ in one thing.
Table comparison_table(const Report& report);
/// The fitted model of step time against ranks, a line a series.
Table scaling_model_table(const Report& report);
/// What that model says, at the measured ranks and beyond.
Table prediction_table(const Report& report);
/// Device hours of each run.
Table cost_table(const Report& report);
/// Peak and categories of a run's ranks: all of them, or where they are many those with the highest and lowest peak.
Table memory_table(const Report& report);
/// Utilisation, power, energy and memory of the devices, per run that watched some.
Table devices_table(const Report& report);
/// Speedup and efficiency of each pair of run and baseline.
Table scaling_table(const Report& report);
/// What to bear in mind at a pair of that table, a line each.
std::vector<std::string> scaling_notes(const Report& report);
/// Latency and throughput by batch size, model size and accuracy of every inference run.
Table inference_table(const Report& report);
/// What tools/doctor found, a line each time that it wrote a file.
Table preflight_table(const Report& report);
/// Losses, accuracies and epochs, per run.
Table training_table(const Report& report);
/// All figures of all runs, one line per run, for machines.
Table flat_table(const Report& report);

}  // namespace trainyard::report
