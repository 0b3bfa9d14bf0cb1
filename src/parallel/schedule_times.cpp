#include "parallel/schedule_times.h"

#include <algorithm>
#include <optional>

#include "core/error.h"

namespace trainyard::parallel {
namespace {

class Course {
 public:
  Course(const PipelineSchedule& schedule, const std::vector<PartCost>& costs, double message)
      : schedule_(schedule),
        costs_(costs),
        message_(message),
        ended_(2 * static_cast<std::size_t>(schedule.shape.parts() * schedule.shape.micro_batches)),
        next_(schedule.actions.size(), 0),
        free_(schedule.actions.size(), 0.0),
        busy_(schedule.actions.size(), 0.0) {}

  ScheduleTimes run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t stage = 0; stage < next_.size(); ++stage)
        moved |= advance(stage);
    }
    for (std::size_t stage = 0; stage < next_.size(); ++stage) {
      if (next_[stage] < schedule_.actions[stage].size()) throw core::Error("a schedule that does not come to its end");
    }
    ScheduleTimes times;
    times.length = *std::ranges::max_element(free_);
    for (const double busy : busy_)
      times.bubble.push_back(times.length > 0.0 ? 1.0 - busy / times.length : 0.0);
    return times;
  }

 private:
  std::optional<double>& ended(const Task& task) {
    const PipelineShape& shape = schedule_.shape;
    const int pass = task.pass == Task::Pass::kForward ? 0 : 1;
    return ended_[static_cast<std::size_t>((pass * shape.parts() + task.part) * shape.micro_batches +
                                           task.micro_batch)];
  }

  /// As far as the stage's inputs are known.
  bool advance(std::size_t stage) {
    bool moved = false;
    for (; next_[stage] < schedule_.actions[stage].size(); ++next_[stage], moved = true) {
      const Task* task = std::get_if<Task>(&schedule_.actions[stage][next_[stage]]);
      if (task == nullptr) continue;  // messages are under way as soon as they are made
      double start = free_[stage];
      if (const auto input = input_of(schedule_.shape, *task)) {
        const std::optional<double>& made = ended(*input);
        if (!made) return moved;
        const bool local = schedule_.shape.stage_of(input->part) == static_cast<int>(stage);
        start = std::max(start, *made + (local ? 0.0 : message_));
      }
      const PartCost& cost = costs_[static_cast<std::size_t>(task->part)];
      const double duration = task->pass == Task::Pass::kForward ? cost.forward : cost.backward;
      free_[stage] = start + duration;
      busy_[stage] += duration;
      ended(*task) = free_[stage];
    }
    return moved;
  }

  const PipelineSchedule& schedule_;
  const std::vector<PartCost>& costs_;
  const double message_;
  std::vector<std::optional<double>> ended_;
  std::vector<std::size_t> next_;
  std::vector<double> free_;
  std::vector<double> busy_;
};

}  // namespace

ScheduleTimes predict_times(const PipelineSchedule& schedule, const std::vector<PartCost>& costs, double message) {
  if (costs.size() != static_cast<std::size_t>(schedule.shape.parts())) {
    throw core::Error("a schedule's costs are not one for each part");
  }
  return Course(schedule, costs, message).run();
}

}  // namespace trainyard::parallel
