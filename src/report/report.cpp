#include "report/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "report/format.h"
#include "report/labels.h"
#include "report/sweep.h"

namespace trainyard::report {

Report make_report(Collection collection) {
  Report report;
  report.problems = std::move(collection.problems);
  report.preflights = std::move(collection.preflights);
  report.log_files = collection.log_files;
  std::stable_sort(collection.runs.begin(), collection.runs.end(),
                   [](const Run& a, const Run& b) { return natural_less(a.folder, b.folder); });
  for (Run& run : collection.runs) {
    if (is_inference(run)) {
      report.inference.push_back(summarize_inference(run));
    } else {
      report.runs.push_back(summarize(run));
    }
    run.starts.clear();
    run.starts.shrink_to_fit();
  }
  compare_with_sweeps(report.runs, report.preflights);
  label_runs(report.runs);
  make_labels(report.inference);
  report.scaling = find_scaling(report.runs);
  report.scaling_models = fit_scaling(report.runs);
  report.groups = find_groups(report.runs);
  report.comparisons = compare_groups(report.runs, report.groups);
  return report;
}

std::string describe_nodes(const RunSummary& run) {
  if (run.nodes.empty()) return "";
  constexpr std::size_t kMostNames = 4;
  std::string names;
  for (std::size_t i = 0; i < std::min(run.nodes.size(), kMostNames); ++i) {
    names += (i == 0 ? "" : ", ") + run.nodes[i];
  }
  if (run.nodes.size() > kMostNames) names += ", ...";
  return fmt::format("{} ({})", run.nodes.size(), names);
}

}  // namespace trainyard::report
