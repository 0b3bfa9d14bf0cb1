#include "report/scaling.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "report/config_text.h"

namespace trainyard::report {
namespace {

constexpr std::array<std::string_view, 7> kCostKeys{
    "image-size", "max-length", "augment", "workers", "memory-format", "samples", "activation-checkpointing"};

bool same_cost(const std::string& a_text, const std::string& b_text) {
  const auto a = parse_config_text(a_text);
  const auto b = parse_config_text(b_text);
  return std::all_of(kCostKeys.begin(), kCostKeys.end(), [&](std::string_view key) {
    const auto in_a = a.find(std::string(key));
    const auto in_b = b.find(std::string(key));
    return in_a == a.end() || in_b == b.end() || in_a->second == in_b->second;
  });
}

bool can_scale(const RunSummary& run) {
  return run.images_per_second.value_or(0) > 0 && run.ranks_present == run.ranks;
}

bool same_work(const RunSummary& run, const RunSummary& baseline) {
  const log::RunAttributes& a = run.attributes;
  const log::RunAttributes& b = baseline.attributes;
  return a.model == b.model && a.data == b.data && a.precision == b.precision && a.device == b.device &&
         a.device_name == b.device_name && same_cost(a.config, b.config);
}

bool batch_matches(const RunSummary& run, const RunSummary& baseline, ScalingKind kind) {
  const std::int64_t batch = run.attributes.global_batch;
  if (batch <= 0) return false;
  if (kind == ScalingKind::kStrong) return batch == baseline.attributes.global_batch;
  return batch % run.devices == 0 && batch / run.devices == baseline.attributes.global_batch;
}

std::optional<std::size_t> find_baseline(const std::vector<RunSummary>& runs, const RunSummary& run, ScalingKind kind) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunSummary& candidate = runs[i];
    if (candidate.devices != 1 || !can_scale(candidate) || !same_work(run, candidate)) continue;
    if (!batch_matches(run, candidate, kind)) continue;
    if (!best || *candidate.images_per_second > *runs[*best].images_per_second) best = i;
  }
  return best;
}

}  // namespace

std::vector<Scaling> find_scaling(const std::vector<RunSummary>& runs) {
  std::vector<Scaling> all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const RunSummary& run = runs[i];
    if (run.devices < 2 || !can_scale(run)) continue;
    for (const ScalingKind kind : {ScalingKind::kWeak, ScalingKind::kStrong}) {
      const auto baseline = find_baseline(runs, run, kind);
      if (!baseline) continue;
      const double speedup = *run.images_per_second / *runs[*baseline].images_per_second;
      all.push_back({i, *baseline, kind, speedup, speedup / static_cast<double>(run.devices)});
    }
  }
  return all;
}

const Scaling* scaling_of(const std::vector<Scaling>& all, std::size_t run) {
  const auto found = std::find_if(all.begin(), all.end(), [run](const Scaling& one) { return one.run == run; });
  return found == all.end() ? nullptr : &*found;
}

const char* name_of(ScalingKind kind) {
  return kind == ScalingKind::kWeak ? "weak" : "strong";
}

}  // namespace trainyard::report
