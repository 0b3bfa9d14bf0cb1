#pragma once

#include <string>
#include <vector>

#include "parallel/pipeline_schedule.h"

/// Pipeline schedules of many shapes, for tests that hold for all of them.
namespace trainyard::test {

struct ScheduleCase {
  config::PipelineScheduleKind kind = config::PipelineScheduleKind::kGpipe;
  parallel::PipelineShape shape;
};

inline std::vector<ScheduleCase> schedule_cases() {
  using config::PipelineScheduleKind;
  std::vector<ScheduleCase> cases;
  for (int stages = 1; stages <= 6; ++stages) {
    for (int micro_batches = 1; micro_batches <= 13; ++micro_batches) {
      cases.push_back({PipelineScheduleKind::kGpipe, {stages, 1, micro_batches}});
      cases.push_back({PipelineScheduleKind::kOneFOneB, {stages, 1, micro_batches}});
      for (int parts = 1; parts <= 4; ++parts)
        cases.push_back({PipelineScheduleKind::kInterleaved, {stages, parts, micro_batches}});
    }
  }
  return cases;
}

inline std::string name(const ScheduleCase& item) {
  return "schedule " + std::to_string(static_cast<int>(item.kind)) + ", " + std::to_string(item.shape.stages) +
         " stages, " + std::to_string(item.shape.virtual_stages) + " parts each, " +
         std::to_string(item.shape.micro_batches) + " micro-batches";
}

}  // namespace trainyard::test
