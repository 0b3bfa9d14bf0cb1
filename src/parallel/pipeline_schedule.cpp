#include "parallel/pipeline_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace trainyard::parallel {
namespace {

using config::PipelineScheduleKind;
using Pass = Task::Pass;

/// What one stage computes, in order, and how many forwards it does before its first backward.
struct Order {
  std::vector<Task> forwards;
  std::vector<Task> backwards;
  int warm_up = 0;
};

int round_up(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Both passes of all a stage's parts, in rounds of `round` micro-batches: each round goes through one part after the
/// other.
Order in_rounds(const PipelineShape& shape, int stage, int micro_batches, int round) {
  Order order;
  for (int first = 0; first < micro_batches; first += round) {
    for (int part = 0; part < shape.virtual_stages; ++part) {
      for (int micro_batch = first; micro_batch < std::min(first + round, micro_batches); ++micro_batch) {
        const int mirrored = shape.virtual_stages - 1 - part;
        order.forwards.push_back({Pass::kForward, part * shape.stages + stage, micro_batch});
        order.backwards.push_back({Pass::kBackward, mirrored * shape.stages + stage, micro_batch});
      }
    }
  }
  return order;
}

Order order_of(PipelineScheduleKind kind, const PipelineShape& shape, int stage) {
  const int behind = shape.stages - 1 - stage;
  switch (kind) {
    case PipelineScheduleKind::kGpipe: {
      Order order = in_rounds(shape, stage, shape.micro_batches, shape.micro_batches);
      order.warm_up = std::numeric_limits<int>::max();
      return order;
    }
    case PipelineScheduleKind::kOneFOneB: {
      Order order = in_rounds(shape, stage, shape.micro_batches, shape.micro_batches);
      order.warm_up = behind;
      return order;
    }
    case PipelineScheduleKind::kInterleaved: {
      // Whole rounds alone are known not to block one another; a micro-batch left out of them blocks nobody.
      Order order = in_rounds(shape, stage, round_up(shape.micro_batches, shape.stages), shape.stages);
      order.warm_up = 2 * behind + (shape.virtual_stages - 1) * shape.stages;
      return order;
    }
  }
  throw core::Error("pipeline-schedule: not known to this build");
}

std::vector<Task> in_sequence(const Order& order, int micro_batches) {
  std::vector<Task> tasks;
  const std::size_t count = order.forwards.size();
  const std::size_t warm_up = std::min(static_cast<std::size_t>(order.warm_up), count);
  tasks.insert(tasks.end(), order.forwards.begin(), order.forwards.begin() + static_cast<std::ptrdiff_t>(warm_up));
  for (std::size_t i = 0; i < count; ++i) {
    if (warm_up + i < count) tasks.push_back(order.forwards[warm_up + i]);
    tasks.push_back(order.backwards[i]);
  }
  std::erase_if(tasks, [&](const Task& task) { return task.micro_batch >= micro_batches; });
  return tasks;
}

/// Which tasks have ended.
class Done {
 public:
  explicit Done(const PipelineShape& shape) : shape_(shape) {
    ended_.resize(2 * static_cast<std::size_t>(shape.parts() * shape.micro_batches), false);
  }
  void insert(const Task& task) { ended_[index(task)] = true; }
  bool contains(const Task& task) const { return ended_[index(task)]; }

 private:
  std::size_t index(const Task& task) const {
    const int pass = task.pass == Pass::kForward ? 0 : 1;
    return static_cast<std::size_t>((pass * shape_.parts() + task.part) * shape_.micro_batches + task.micro_batch);
  }

  PipelineShape shape_;
  std::vector<bool> ended_;
};

void check_shape(PipelineScheduleKind kind, const PipelineShape& shape) {
  if (shape.stages < 1 || shape.virtual_stages < 1 || shape.micro_batches < 1) {
    throw core::Error(fmt::format("a pipeline of {} stages x {} parts with {} micro-batches", shape.stages,
                                  shape.virtual_stages, shape.micro_batches));
  }
  if (kind != PipelineScheduleKind::kInterleaved && shape.virtual_stages != 1) {
    throw core::Error(fmt::format("{} parts a stage need the interleaved schedule", shape.virtual_stages));
  }
}

}  // namespace

std::optional<Task> input_of(const PipelineShape& shape, const Task& task) {
  const bool forward = task.pass == Pass::kForward;
  if (task.part == (forward ? 0 : shape.parts() - 1)) return std::nullopt;
  return Task{task.pass, task.part + (forward ? -1 : 1), task.micro_batch};
}

std::optional<int> reader_of(const PipelineShape& shape, const Task& task) {
  const bool forward = task.pass == Pass::kForward;
  if (task.part == (forward ? shape.parts() - 1 : 0)) return std::nullopt;
  return shape.stage_of(task.part + (forward ? 1 : -1));
}

PipelineSchedule make_schedule(PipelineScheduleKind kind, const PipelineShape& shape) {
  check_shape(kind, shape);
  const auto stages = static_cast<std::size_t>(shape.stages);
  PipelineSchedule schedule{shape, std::vector<std::vector<Action>>(stages)};
  std::vector<std::vector<Task>> tasks;
  std::size_t left = 0;
  for (int stage = 0; stage < shape.stages; ++stage) {
    tasks.push_back(in_sequence(order_of(kind, shape, stage), shape.micro_batches));
    left += tasks.back().size();
  }
  Done done(shape);
  std::vector<std::size_t> next(stages, 0);
  while (left > 0) {
    std::vector<Task> ended;
    std::vector<Exchange> exchanges(stages);
    for (std::size_t stage = 0; stage < stages; ++stage) {
      if (next[stage] == tasks[stage].size()) continue;
      const Task& task = tasks[stage][next[stage]];
      if (const auto input = input_of(shape, task); input && !done.contains(*input)) continue;
      ++next[stage];
      schedule.actions[stage].emplace_back(task);
      ended.push_back(task);
      const auto reader = reader_of(shape, task);
      if (!reader || *reader == static_cast<int>(stage)) continue;
      exchanges[stage].push_back({Message::Direction::kSend, *reader, task});
      exchanges[static_cast<std::size_t>(*reader)].push_back(
          {Message::Direction::kReceive, static_cast<int>(stage), task});
    }
    if (ended.empty()) throw core::Error("a pipeline schedule whose tasks wait for one another");
    for (const Task& task : ended)
      done.insert(task);
    for (std::size_t stage = 0; stage < stages; ++stage) {
      if (!exchanges[stage].empty()) schedule.actions[stage].emplace_back(std::move(exchanges[stage]));
    }
    left -= ended.size();
  }
  return schedule;
}

}  // namespace trainyard::parallel
