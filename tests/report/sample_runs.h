#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "report/model.h"
#include "report/summary.h"

namespace trainyard::report::testing {

/// A log of `rank` of `world_size` with `step_ns` as its steps' times, all of it backward, numbered from `first_step`.
inline RankLog sample_log(std::int64_t rank, std::int64_t world_size, const std::vector<std::int64_t>& step_ns,
                          std::int64_t first_step = 0) {
  RankLog log;
  log.path = "results/run/1/restart-000/rank-" + std::to_string(rank) + ".h5";
  log.attributes.run = "run";
  log.attributes.job_id = "1";
  log.attributes.model = "resnet18";
  log.attributes.data = "digits";
  log.attributes.strategy = world_size > 1 ? "ddp" : "single";
  log.attributes.precision = "fp32";
  log.attributes.device = "cpu";
  log.attributes.node = "node" + std::to_string(rank);
  log.attributes.rank = rank;
  log.attributes.world_size = world_size;
  log.attributes.global_batch = 32 * world_size;
  log.complete = true;
  for (std::size_t i = 0; i < step_ns.size(); ++i) {
    log.steps.step.push_back(first_step + static_cast<std::int64_t>(i));
    log.steps.epoch.push_back(0);
    for (auto& phase : log.steps.phase_ns)
      phase.push_back(0);
    log.steps.phase_ns[static_cast<std::size_t>(Phase::kBackward)].back() = step_ns[i];
    log.steps.step_ns.push_back(step_ns[i]);
    log.steps.comm_ns.push_back(0);
    log.steps.samples.push_back(32);
    log.steps.loss.push_back(1.0);
  }
  return log;
}

inline Run sample_run(std::vector<RankLog> ranks) {
  return Run{"results/run/1", {Start{0, std::move(ranks)}}};
}

/// A summary as scaling and the writers see it.
inline RunSummary sample_summary(const std::string& label, std::int64_t ranks, double images_per_second) {
  std::vector<RankLog> logs;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    logs.push_back(sample_log(rank, ranks, std::vector<std::int64_t>(20, 100'000'000)));
  }
  RunSummary summary = summarize(sample_run(std::move(logs)));
  summary.label = label;
  summary.images_per_second = images_per_second;
  return summary;
}

}  // namespace trainyard::report::testing
