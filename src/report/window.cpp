#include "report/window.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "report/statistics.h"

namespace trainyard::report {
namespace {

const RankLog* first_with_steps(const Start& start) {
  const auto found =
      std::find_if(start.ranks.begin(), start.ranks.end(), [](const RankLog& log) { return log.steps.size() > 0; });
  return found == start.ranks.end() ? nullptr : &*found;
}

Counts common_steps(const Start& start) {
  const RankLog* first = first_with_steps(start);
  if (first == nullptr) return {};
  Counts common = first->steps.step;
  for (const RankLog& log : start.ranks) {
    if (log.steps.size() == 0 || log.steps.step == common) continue;  // the usual case, without a copy
    const std::vector<std::int64_t> a = common.values();
    const std::vector<std::int64_t> b = log.steps.step.values();
    std::vector<std::int64_t> both;
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
    common = both;
  }
  return common;
}

/// Where each of `wanted`, all of which are there, stands in `logged`.
Counts rows_of(const Counts& wanted, const Counts& logged) {
  if (wanted.empty()) return {};
  if (wanted.counts_up() && logged.counts_up())
    return Counts::linear(wanted.size(), wanted.front() - logged.front(), 1);
  std::vector<std::int64_t> rows;
  rows.reserve(wanted.size());
  std::size_t row = 0;
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    while (logged[row] != wanted[k])
      ++row;
    rows.push_back(static_cast<std::int64_t>(row));
  }
  return rows;
}

/// How many of the ascending `steps` are below `limit`.
std::size_t count_below(const Counts& steps, std::int64_t limit) {
  std::size_t low = 0;
  std::size_t high = steps.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (steps[middle] < limit) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

Counts first_of(const Counts& steps, std::size_t count) {
  if (count == steps.size()) return steps;
  std::vector<std::int64_t> values = steps.values();
  values.resize(count);
  return values;
}

}  // namespace

double sum_of_measured(const Counts& column, const Counts& rows, std::size_t warmup) {
  if (rows.size() <= warmup) return 0;
  const auto first = static_cast<std::size_t>(rows[warmup]);
  if (rows.counts_up()) return column.sum(first, first + rows.size() - warmup);
  double sum = 0;
  for_each_measured(column, rows, warmup,
                    [&sum](std::size_t, std::int64_t value) { sum += static_cast<double>(value); });
  return sum;
}

Stitched stitch(const Run& run) {
  Stitched stitched;
  stitched.windows.resize(run.starts.size());
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = run.starts.size(); i-- > 0;) {
    const Start& start = run.starts[i];
    Window& window = stitched.windows[i];
    window.steps = common_steps(start);
    if (!window.steps.empty()) {
      const std::size_t kept = count_below(window.steps, limit);
      stitched.lost += static_cast<std::int64_t>(window.steps.size() - kept);
      limit = std::min(limit, window.steps.front());
      window.steps = first_of(window.steps, kept);
    }
    for (const RankLog& log : start.ranks) {
      window.rows.push_back(log.steps.size() == 0 ? Counts() : rows_of(window.steps, log.steps.step));
    }
    window.warmup = warmup_steps(window.steps.size());
  }
  return stitched;
}

}  // namespace trainyard::report
