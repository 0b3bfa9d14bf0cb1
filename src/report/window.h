#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// The steps of one start that figures are taken from: those that every rank logged and that no later start did again.
/// `warmup` of them, at the front, count for losses but not for times. A rank whose log has no step at all does not
/// count among "every rank" where others have some.
struct Window {
  Counts steps;              ///< step numbers, ascending
  std::vector<Counts> rows;  ///< per rank of the start: the row of each step; empty for a rank without steps
  std::size_t warmup = 0;

  std::size_t measured() const { return steps.size() - warmup; }
};

/// Calls `use` with (k, value) for the value of each measured step, k counted from 0 behind the warm-up.
template <class Use>
void for_each_measured(const Counts& column, const Counts& rows, std::size_t warmup, Use&& use) {
  column.with([&](auto value_at) {
    rows.with([&](auto row_at) {
      for (std::size_t k = warmup; k < rows.size(); ++k)
        use(k - warmup, value_at(static_cast<std::size_t>(row_at(k))));
    });
  });
}

/// Their sum.
double sum_of_measured(const Counts& column, const Counts& rows, std::size_t warmup);

/// One window for each start. `lost` steps were logged by one start and done again by a later one.
struct Stitched {
  std::vector<Window> windows;
  std::int64_t lost = 0;
};

/// Joins the starts of a run: from a start, only steps below the first step of every later start count.
Stitched stitch(const Run& run);

}  // namespace trainyard::report
