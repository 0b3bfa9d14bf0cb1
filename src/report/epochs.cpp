#include "report/epochs.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace trainyard::report {
namespace {

constexpr std::int64_t kLastEpoch = 1'000'000'000;

/// Where a start began to count epochs, as far as its logs say.
std::int64_t first_epoch(const Start& start) {
  std::int64_t first = kLastEpoch + 1;
  for (const RankLog& log : start.ranks) {
    if (!log.steps.epochs.empty()) first = std::min(first, log.steps.epochs.front().epoch);
    for (const log::EpochRow& row : log.epochs)
      first = std::min(first, row.epoch);
  }
  return std::max<std::int64_t>(first, 0);
}

}  // namespace

bool same_speed(const Start& a, const Start& b) {
  const auto key = [](const Start& start) {
    const log::RunAttributes& id = start.ranks.front().attributes;
    return std::tie(id.world_size, id.strategy, id.precision, id.global_batch, id.device, id.device_name);
  };
  return key(a) == key(b);
}

std::vector<EpochFigures> epochs_of(const Run& run) {
  std::map<std::int64_t, EpochFigures> epochs;
  std::int64_t limit = kLastEpoch + 1;
  for (std::size_t s = run.starts.size(); s-- > 0;) {
    const Start& start = run.starts[s];
    std::map<std::int64_t, EpochFigures> of_start;
    for (const RankLog& log : start.ranks) {
      for (const log::EpochRow& row : log.epochs) {
        if (row.epoch < 0 || row.epoch >= limit) continue;
        EpochFigures& figures =
            of_start.try_emplace(row.epoch, EpochFigures{row, 0, log.attributes.epoch_unix_ns, false, false})
                .first->second;
        figures.slowest_ns = std::max(figures.slowest_ns, static_cast<double>(row.duration_ns));
      }
    }
    if (!of_start.empty()) of_start.begin()->second.first_of_start = true;
    for (auto& [epoch, figures] : of_start)
      figures.counts_for_time = figures.slowest_ns > 0 && same_speed(start, run.starts.back());
    epochs.merge(of_start);
    limit = std::min(limit, first_epoch(start));
  }
  std::vector<EpochFigures> ascending;
  for (const auto& [epoch, figures] : epochs)
    ascending.push_back(figures);
  return ascending;
}

std::int64_t steps_per_epoch(const Run& run) {
  std::int64_t most = 0;
  for (const Start& start : run.starts) {
    const StepColumns& steps = start.ranks.front().steps;
    for (std::size_t i = 0; i < steps.epochs.size(); ++i) {
      const std::int64_t end =
          i + 1 < steps.epochs.size() ? steps.epochs[i + 1].first_row : static_cast<std::int64_t>(steps.size());
      most = std::max(most, end - steps.epochs[i].first_row);
    }
  }
  return most;
}

}  // namespace trainyard::report
