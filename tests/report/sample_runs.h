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
  const std::size_t count = step_ns.size();
  log.steps.step = Counts::linear(count, first_step, 1);
  log.steps.epochs = {{0, 0}};
  for (Counts& phase : log.steps.phase_ns)
    phase = Counts::linear(count, 0, 0);
  log.steps.phase_ns[static_cast<std::size_t>(Phase::kBackward)] = step_ns;
  log.steps.step_ns = step_ns;
  log.steps.comm_ns = Counts::linear(count, 0, 0);
  log.steps.samples = Counts::linear(count, 32, 0);
  log.steps.loss.assign(count, 1.0F);
  return log;
}

/// The column of a phase, to be changed.
inline Counts& phase_of(RankLog& log, Phase phase) {
  return log.steps.phase_ns[static_cast<std::size_t>(phase)];
}

/// `column` with each value changed by `by`.
inline void add(Counts& column, std::int64_t by) {
  std::vector<std::int64_t> values = column.values();
  for (std::int64_t& value : values)
    value += by;
  column = values;
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
