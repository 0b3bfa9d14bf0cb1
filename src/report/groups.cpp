#include "report/groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace trainyard::report {
namespace {

/// Keys that say where and how often, not what.
const std::set<std::string>& keys_of_no_weight() {
  static const std::set<std::string> keys{"seed", "output", "data-dir", "tokenizer", "resume"};
  return keys;
}

std::optional<RepeatedFigure> repeated(const std::vector<RunSummary>& runs, const std::vector<std::size_t>& members,
                                       std::optional<double> RunSummary::*figure) {
  RepeatedFigure result;
  for (const std::size_t run : members) {
    if (runs[run].*figure) result.values.push_back(*(runs[run].*figure));
  }
  if (result.values.empty()) return std::nullopt;
  for (const double value : result.values)
    result.mean += value / static_cast<double>(result.values.size());
  result.interval = mean_interval(result.values);
  return result;
}

/// What the two differ in, in words, if it is one thing; else empty.
std::string one_difference(ConfigText a, ConfigText b) {
  const std::string ranks_a = a["ranks"];
  const std::string ranks_b = b["ranks"];
  if (ranks_a != ranks_b) {  // one rank cannot be ddp, and either the batch of a rank or that of all must change
    const bool same_rank_batch = a["batch-size"] == b["batch-size"] && !a["batch-size"].empty();
    if (!same_rank_batch && a["global batch"] != b["global batch"]) return "";
    for (ConfigText* factors : {&a, &b}) {
      if ((*factors)["ranks"] == "1") (*factors)["strategy"] = "";
      for (const char* key : {"ranks", "global batch", "batch-size", "threads", "config_digest"})
        factors->erase(key);
    }
    if (a["strategy"].empty() || b["strategy"].empty()) a.erase("strategy"), b.erase("strategy");
    return a == b ? fmt::format("{} ranks instead of {}", ranks_a, ranks_b) : "";
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : a)
    keys.insert(key);
  for (const auto& [key, value] : b)
    keys.insert(key);
  std::string difference;
  int count = 0;
  for (const std::string& key : keys) {
    if (key == "config_digest" || a[key] == b[key]) continue;
    if (key == "batch-size" && a["global batch"] != b["global batch"]) continue;  // said by the global batch
    difference =
        fmt::format("{}: {} instead of {}", key, a[key].empty() ? "none" : a[key], b[key].empty() ? "none" : b[key]);
    ++count;
  }
  return count == 1 ? difference : "";
}

Comparison compare(const Group& a, const Group& b) {
  Comparison result;
  const std::vector<double>& of_a = a.images_per_second->values;
  const std::vector<double>& of_b = b.images_per_second->values;
  result.ratio = a.images_per_second->mean / b.images_per_second->mean;
  result.interval = ratio_interval(of_a, of_b);
  if (std::min(of_a.size(), of_b.size()) < kFewestRepeats) return result;
  result.verdict = result.interval.low > 1    ? Verdict::kFaster
                   : result.interval.high < 1 ? Verdict::kSlower
                                              : Verdict::kNoDifference;
  return result;
}

}  // namespace

ConfigText factors_of(const RunSummary& run) {
  const log::RunAttributes& id = run.attributes;
  ConfigText factors = parse_config_text(id.config);
  const bool whole = factors.contains("seed");  // as our trainer writes it: then two that are equal here are equal
  for (const std::string& key : keys_of_no_weight())
    factors.erase(key);
  if (!whole) factors["config_digest"] = id.config_digest;
  if (!whole && id.config_digest.empty()) factors["run"] = id.run;
  factors["model"] = id.model;
  factors["data"] = id.data;
  factors["strategy"] = id.strategy;
  factors["precision"] = id.precision;
  factors["device"] = id.device_name.empty() ? id.device : id.device_name;
  factors["global batch"] = std::to_string(id.global_batch);
  factors["ranks"] = std::to_string(run.ranks);
  factors["threads"] = std::to_string(id.threads);
  return factors;
}

std::vector<Group> find_groups(const std::vector<RunSummary>& runs) {
  std::map<ConfigText, std::vector<std::size_t>> by_factors;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].ranks_present == runs[i].ranks) by_factors[factors_of(runs[i])].push_back(i);
  }
  std::vector<Group> groups;
  for (auto& [factors, members] : by_factors) {
    Group& group = groups.emplace_back();
    group.label = runs[members.front()].label;
    group.runs = std::move(members);
    group.images_per_second = repeated(runs, group.runs, &RunSummary::images_per_second);
    group.epoch_ns = repeated(runs, group.runs, &RunSummary::epoch_ns);
    group.best_val_accuracy = repeated(runs, group.runs, &RunSummary::best_val_accuracy);
  }
  std::sort(groups.begin(), groups.end(),
            [](const Group& a, const Group& b) { return a.runs.front() < b.runs.front(); });
  return groups;
}

std::vector<Comparison> compare_groups(const std::vector<RunSummary>& runs, const std::vector<Group>& groups) {
  constexpr std::size_t kMostGroups = 200;  // pairs grow with the square
  std::vector<Comparison> comparisons;
  if (groups.size() > kMostGroups) return comparisons;
  for (std::size_t b = 0; b < groups.size(); ++b) {
    for (std::size_t a = b + 1; a < groups.size(); ++a) {
      if (!groups[a].images_per_second || !groups[b].images_per_second) continue;
      if (std::max(groups[a].runs.size(), groups[b].runs.size()) < 2) continue;
      std::string difference =
          one_difference(factors_of(runs[groups[a].runs.front()]), factors_of(runs[groups[b].runs.front()]));
      if (difference.empty()) continue;
      Comparison comparison = compare(groups[a], groups[b]);
      comparison.group = a;
      comparison.other = b;
      comparison.difference = std::move(difference);
      comparisons.push_back(std::move(comparison));
    }
  }
  return comparisons;
}

const char* name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kNoDifference:
      return "no significant difference";
    case Verdict::kTooFewRepeats:
      break;
  }
  return "too few repeats to tell";
}

}  // namespace trainyard::report
