#pragma once

#include <vector>

#include "parallel/pipeline_schedule.h"

namespace trainyard::parallel {

/// What one micro-batch costs in one part, in any one unit of time.
struct PartCost {
  double forward = 1.0;
  double backward = 1.0;
};

/// A schedule's predicted course, in the unit of the costs.
struct ScheduleTimes {
  double length = 0.0;         ///< from the first task's start to the last one's end
  std::vector<double> bubble;  ///< by stage: share of the length in which it computes nothing, 0 to 1
};

/// Carries a sound schedule out on paper: a task starts when its stage is free and its input has come; a message takes
/// `message` and holds up nobody but who waits for it. For equal costs this gives the papers' bubbles (as a share of
/// the whole step, with p stages, v parts a stage and m micro-batches): (p - 1) / (m + p - 1) for GPipe and 1F1B, (p -
/// 1) / (v m + p - 1) for interleaved 1F1B where p divides m. costs: by part.
ScheduleTimes predict_times(const PipelineSchedule& schedule, const std::vector<PartCost>& costs, double message = 0.0);

}  // namespace trainyard::parallel
