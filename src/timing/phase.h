#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "log/schema.h"

namespace trainyard::timing {

/// The parts of a step, as the columns of /steps name them. kOther is what no other region covers.
enum class Phase { kData, kTransfer, kForward, kBackward, kExposedComm, kIdle, kOptimizer, kOther };

constexpr std::size_t kPhaseCount = 8;

/// Nanoseconds by phase.
using PhaseTimes = std::array<std::int64_t, kPhaseCount>;

/// Writes phase times into the columns of a row.
void set_phases(log::StepRow& row, const PhaseTimes& times);

}  // namespace trainyard::timing
