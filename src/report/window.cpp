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

std::vector<std::int64_t> common_steps(const Start& start) {
  std::vector<std::int64_t> common;
  for (const RankLog& log : start.ranks) {
    if (log.steps.step == common || log.steps.size() == 0) continue;  // the usual case, without a copy
    if (&log == first_with_steps(start)) {
      common = log.steps.step;
      continue;
    }
    std::vector<std::int64_t> both;
    std::set_intersection(common.begin(), common.end(), log.steps.step.begin(), log.steps.step.end(),
                          std::back_inserter(both));
    common = std::move(both);
  }
  return common;
}

std::vector<std::uint32_t> rows_of(const std::vector<std::int64_t>& wanted, const std::vector<std::int64_t>& logged) {
  std::vector<std::uint32_t> rows;
  rows.reserve(wanted.size());
  std::size_t row = 0;
  for (const std::int64_t step : wanted) {
    while (logged[row] != step)
      ++row;
    rows.push_back(static_cast<std::uint32_t>(row));
  }
  return rows;
}

}  // namespace

Stitched stitch(const Run& run) {
  Stitched stitched;
  stitched.windows.resize(run.starts.size());
  std::int64_t limit = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = run.starts.size(); i-- > 0;) {
    const Start& start = run.starts[i];
    Window& window = stitched.windows[i];
    window.steps = common_steps(start);
    if (!window.steps.empty()) {
      const auto redone = std::lower_bound(window.steps.begin(), window.steps.end(), limit);
      stitched.lost += window.steps.end() - redone;
      limit = std::min(limit, window.steps.front());
      window.steps.erase(redone, window.steps.end());
    }
    for (const RankLog& log : start.ranks) {
      window.rows.push_back(log.steps.size() == 0 ? std::vector<std::uint32_t>{}
                                                  : rows_of(window.steps, log.steps.step));
    }
    window.warmup = warmup_steps(window.steps.size());
  }
  return stitched;
}

}  // namespace trainyard::report
