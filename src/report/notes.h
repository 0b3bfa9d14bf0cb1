#pragma once

#include "report/summary.h"
#include "report/window.h"

namespace trainyard::report {

/// What a reader should bear in mind, into the summary's notes, from the logs and from the figures that are in the
/// summary already. Also says whether the run is complete.
void store_notes(const Run& run, const Stitched& stitched, std::int64_t losses_not_finite, RunSummary& summary);

}  // namespace trainyard::report
