#include "report/inference.h"

#include <map>

#include "report/format.h"
#include "report/statistics.h"
#include "report/summary.h"

namespace trainyard::report {
namespace {

const RankLog& log_of(const Run& run) {
  return run.starts.back().ranks.front();
}

std::optional<double> share_right(const std::vector<log::AccuracyRow>& rows, std::int64_t reference) {
  std::optional<double> share;
  for (const log::AccuracyRow& row : rows) {
    if (row.reference == reference && row.samples > 0)
      share = static_cast<double>(row.correct) / static_cast<double>(row.samples);
  }
  return share;
}

}  // namespace

bool is_inference(const Run& run) {
  return !log_of(run).attributes.engine.empty() && log_of(run).steps.size() == 0;
}

InferenceSummary summarize_inference(const Run& run) {
  const RankLog& log = log_of(run);
  InferenceSummary summary;
  summary.folder = clean_text(run.folder);
  summary.attributes = cleaned(log.attributes);
  summary.label = summary.attributes.run;
  summary.complete = log.complete;
  std::map<std::int64_t, std::vector<double>> times;
  for (const log::InferenceRow& row : log.inference)
    times[row.samples].push_back(static_cast<double>(row.duration_ns));
  for (const auto& [size, durations_ns] : times) {
    double sum_ns = 0.0;
    for (const double duration_ns : durations_ns)
      sum_ns += duration_ns;
    const auto count = static_cast<double>(durations_ns.size());
    summary.sizes.push_back({.batch_size = size,
                             .batches = std::ssize(durations_ns),
                             .images_per_second = sum_ns > 0 ? count * static_cast<double>(size) / (sum_ns / 1e9) : 0.0,
                             .p50_ns = *quantile(durations_ns, 0.5),
                             .p95_ns = *quantile(durations_ns, 0.95),
                             .p99_ns = *quantile(durations_ns, 0.99)});
  }
  summary.accuracy = share_right(log.accuracy, 0);
  summary.reference_accuracy = share_right(log.accuracy, 1);
  return summary;
}

}  // namespace trainyard::report
