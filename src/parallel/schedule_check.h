#pragma once

#include <string>
#include <vector>

#include "parallel/pipeline_schedule.h"

namespace trainyard::parallel {

/// What an offline check of a schedule found.
struct ScheduleFacts {
  std::vector<std::string> faults;  ///< empty: the schedule is sound
  std::vector<int> most_in_flight;  ///< by stage: most activations held at once (forward done, backward not yet)
};

/// Proves a schedule sound, or says what is wrong:
/// - every part takes every micro-batch forward and backward once, on its own stage, backward behind forward;
/// - a task's input lies there before it: made on the same stage, or received;
/// - between two stages messages are sent in the order in which they are received, each after its task, none left over;
/// - were every exchange blocking, with no message sent before its receiver asks for it (the strictest reading that MPI
///   and NCCL allow), the stages still all come to their end. Message passing is deterministic, so that one simulated
///   order stands for all.
ScheduleFacts check_schedule(const PipelineSchedule& schedule);

/// "forward of micro-batch 2 through part 1".
std::string describe(const Task& task);

}  // namespace trainyard::parallel
