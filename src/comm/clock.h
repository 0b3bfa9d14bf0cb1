#pragma once

#include <cstdint>

#include "comm/limit.h"
#include "comm/mpi.h"

namespace trainyard::comm {

/// Rank 0's core::steady_ns() less this rank's at the same moment, from the quickest of several round trips, so wrong
/// by at most half of that one; 0 on rank 0. Within one machine the clocks are the same and the result is noise of that
/// size. Collective; the ranks take turns.
std::int64_t measure_clock_offset_ns(const mpi::Comm& comm, const Limit& limit);

}  // namespace trainyard::comm
