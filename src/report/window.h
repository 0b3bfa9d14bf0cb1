#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// The steps of one start that figures are taken from: those that every rank logged and that no later start did again.
/// `warmup` of them, at the front, count for losses but not for times. A rank whose log has no step at all does not
/// count among "every rank" where others have some; its rows stay empty.
struct Window {
  std::vector<std::int64_t> steps;               ///< step numbers, ascending
  std::vector<std::vector<std::uint32_t>> rows;  ///< per rank of the start: the row of each step; see below
  std::size_t warmup = 0;
};

/// One window for each start. `lost` steps were logged by one start and done again by a later one.
struct Stitched {
  std::vector<Window> windows;
  std::int64_t lost = 0;
};

/// Joins the starts of a run: from a start, only steps below the first step of every later start count.
Stitched stitch(const Run& run);

}  // namespace trainyard::report
