#include "report/sweep.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace trainyard::report {

std::optional<double> swept_bandwidth(const Preflight& preflight, double bytes) {
  const std::vector<SweptSize>& sweep = preflight.sweep;
  if (sweep.empty() || !(bytes >= sweep.front().bytes)) return std::nullopt;
  const auto above = std::find_if(sweep.begin(), sweep.end(), [bytes](const auto& size) { return size.bytes > bytes; });
  if (above == sweep.end()) return sweep.back().bus_bandwidth;
  const SweptSize& below = *std::prev(above);
  const double part = std::log(bytes / below.bytes) / std::log(above->bytes / below.bytes);
  return below.bus_bandwidth * std::pow(above->bus_bandwidth / below.bus_bandwidth, part);
}

const Preflight* preflight_of(const RunSummary& run, const std::vector<Preflight>& preflights) {
  const Preflight* best = nullptr;
  for (const Preflight& one : preflights) {
    const bool alike = one.ranks == run.ranks && one.nodes == static_cast<std::int64_t>(run.nodes.size()) &&
                       (one.backend == "nccl") == (run.attributes.device == "cuda");
    if (!alike || one.sweep.empty()) continue;
    if (!one.job.empty() && one.job == run.attributes.job_id) return &one;
    const bool beside = run.folder == one.folder || run.folder.starts_with(one.folder + "/");
    if (beside && (best == nullptr || one.folder.size() > best->folder.size())) best = &one;
  }
  return best;
}

void compare_with_sweeps(std::vector<RunSummary>& runs, const std::vector<Preflight>& preflights) {
  for (RunSummary& run : runs) {
    const Preflight* preflight = preflight_of(run, preflights);
    if (preflight == nullptr) continue;
    for (SizeBandwidth& size : run.bandwidth_by_size) {
      if (size.op == log::CollectiveOp::kAllReduce) size.swept = swept_bandwidth(*preflight, size.mean_bytes);
    }
  }
}

}  // namespace trainyard::report
