#include "parallel/schedule_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace trainyard::parallel {
namespace {

using Direction = Message::Direction;
using Pass = Task::Pass;

using Tasks = std::set<Task>;

bool within(const PipelineShape& shape, const Task& task) {
  return task.part >= 0 && task.part < shape.parts() && task.micro_batch >= 0 && task.micro_batch < shape.micro_batches;
}

class Checker {
 public:
  explicit Checker(const PipelineSchedule& schedule) : schedule_(schedule), shape_(schedule.shape) {}

  ScheduleFacts check() {
    if (schedule_.actions.size() != static_cast<std::size_t>(shape_.stages)) {
      fault("{} stages have actions, {} are meant", schedule_.actions.size(), shape_.stages);
      return std::move(facts_);
    }
    for (int stage = 0; stage < shape_.stages; ++stage)
      walk(stage);
    for (int part = 0; part < shape_.parts(); ++part) {
      for (int micro_batch = 0; micro_batch < shape_.micro_batches; ++micro_batch) {
        require_done({Pass::kForward, part, micro_batch});
        require_done({Pass::kBackward, part, micro_batch});
      }
    }
    for (const auto& [ends, channel] : channels_)
      match(ends.first, ends.second, channel);
    if (facts_.faults.empty()) simulate_blocking();
    return std::move(facts_);
  }

 private:
  /// Between two stages, in order.
  struct Channel {
    std::vector<Task> sent;
    std::vector<Task> received;
  };

  template <typename... Arguments>
  void fault(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    facts_.faults.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  void walk(int stage) {
    Tasks received;
    int in_flight = 0;
    int most = 0;
    for (const Action& action : schedule_.actions[static_cast<std::size_t>(stage)]) {
      if (const Task* task = std::get_if<Task>(&action)) {
        run(stage, *task, received);
        in_flight += task->pass == Pass::kForward ? 1 : -1;
        most = std::max(most, in_flight);
      } else {
        for (const Message& message : std::get<Exchange>(action))
          pass(stage, message, received);
      }
    }
    facts_.most_in_flight.push_back(most);
  }

  void run(int stage, const Task& task, const Tasks& received) {
    if (!within(shape_, task) || shape_.stage_of(task.part) != stage) {
      fault("stage {}: {} is not its own", stage, describe(task));
      return;
    }
    if (!done_.insert(task).second) fault("stage {}: {} comes twice", stage, describe(task));
    if (task.pass == Pass::kBackward && !done_.contains({Pass::kForward, task.part, task.micro_batch})) {
      fault("stage {}: {} comes before its forward", stage, describe(task));
    }
    const std::optional<Task> input = input_of(shape_, task);
    if (!input) return;
    const bool local = shape_.stage_of(input->part) == stage;
    if (!(local ? done_ : received).contains(*input)) {
      fault("stage {}: {} comes before its input, the {}", stage, describe(task), describe(*input));
    }
  }

  void pass(int stage, const Message& message, Tasks& received) {
    if (message.peer < 0 || message.peer >= shape_.stages || message.peer == stage ||
        !within(shape_, message.made_by)) {
      fault("stage {}: a message of stage {} that cannot be", stage, message.peer);
      return;
    }
    if (message.direction == Direction::kSend) {
      if (!done_.contains(message.made_by)) {
        fault("stage {}: sends the result of the {} before it is made", stage, describe(message.made_by));
      }
      channels_[{stage, message.peer}].sent.push_back(message.made_by);
    } else {
      received.insert(message.made_by);
      channels_[{message.peer, stage}].received.push_back(message.made_by);
    }
  }

  void require_done(const Task& task) {
    if (!done_.contains(task)) fault("the {} is missing", describe(task));
  }

  void match(int from, int to, const Channel& channel) {
    const std::size_t pairs = std::min(channel.sent.size(), channel.received.size());
    for (std::size_t i = 0; i < pairs; ++i) {
      if (channel.sent[i] == channel.received[i]) continue;
      fault("message {} from stage {} to stage {} is of the {}, and the {} is expected", i, from, to,
            describe(channel.sent[i]), describe(channel.received[i]));
      return;
    }
    if (channel.sent.size() > pairs) {
      fault("stage {} sends {} messages to stage {}, which receives {}", from, channel.sent.size(), to, pairs);
    } else if (channel.received.size() > pairs) {
      fault("stage {} waits for {} messages of stage {}, which sends {}", to, channel.received.size(), from, pairs);
    }
  }

  /// Every exchange is entered as a whole and left once the other side has entered each of its messages.
  void simulate_blocking() {
    const auto stages = static_cast<std::size_t>(shape_.stages);
    std::vector<std::size_t> at(stages, 0);
    std::map<std::pair<int, int>, std::size_t> entered_sends;
    std::map<std::pair<int, int>, std::size_t> entered_receives;
    std::vector<bool> inside(stages, false);
    const auto may_leave = [&](int stage, const Exchange& exchange) {
      return std::ranges::all_of(exchange, [&](const Message& message) {
        const bool sends = message.direction == Direction::kSend;
        const std::pair channel = sends ? std::pair(stage, message.peer) : std::pair(message.peer, stage);
        // This side has entered no exchange behind this one, so that its count is up to this exchange's last message.
        return sends ? entered_receives[channel] >= entered_sends[channel]
                     : entered_sends[channel] >= entered_receives[channel];
      });
    };
    for (bool moved = true; moved;) {
      moved = false;
      for (std::size_t stage = 0; stage < stages; ++stage) {
        const auto& actions = schedule_.actions[stage];
        const int self = static_cast<int>(stage);
        while (at[stage] < actions.size()) {
          const Exchange* exchange = std::get_if<Exchange>(&actions[at[stage]]);
          if (exchange != nullptr && !inside[stage]) {
            for (const Message& message : *exchange) {
              ++(message.direction == Direction::kSend ? entered_sends[{self, message.peer}]
                                                       : entered_receives[{message.peer, self}]);
            }
            inside[stage] = true;
            moved = true;
          }
          if (exchange != nullptr && !may_leave(self, *exchange)) break;
          inside[stage] = false;
          ++at[stage];
          moved = true;
        }
      }
    }
    for (std::size_t stage = 0; stage < stages; ++stage) {
      if (at[stage] < schedule_.actions[stage].size()) {
        fault("deadlock: stage {} waits for ever in action {} of {}", stage, at[stage],
              schedule_.actions[stage].size());
      }
    }
  }

  const PipelineSchedule& schedule_;
  const PipelineShape shape_;
  ScheduleFacts facts_;
  Tasks done_;
  std::map<std::pair<int, int>, Channel> channels_;
};

}  // namespace

ScheduleFacts check_schedule(const PipelineSchedule& schedule) {
  return Checker(schedule).check();
}

std::string describe(const Task& task) {
  return fmt::format("{} of micro-batch {} through part {}", task.pass == Pass::kForward ? "forward" : "backward",
                     task.micro_batch, task.part);
}

}  // namespace trainyard::parallel
