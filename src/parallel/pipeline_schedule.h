#pragma once

#include <compare>
#include <optional>
#include <variant>
#include <vector>

#include "config/run_config.h"

namespace trainyard::parallel {

/// Who computes what: the model is cut into stages x virtual_stages parts, numbered along the model, and part k is
/// stage k % stages's.
struct PipelineShape {
  int stages = 1;
  int virtual_stages = 1;  ///< parts a stage
  int micro_batches = 1;

  int parts() const { return stages * virtual_stages; }
  int stage_of(int part) const { return part % stages; }
};

/// One pass of one micro-batch through one part.
struct Task {
  enum class Pass { kForward, kBackward };
  Pass pass = Pass::kForward;
  int part = 0;
  int micro_batch = 0;

  auto operator<=>(const Task&) const = default;
};

/// What a task made for the task that needs it: a forward's activation, or a backward's gradient of its part's input.
struct Message {
  enum class Direction { kSend, kReceive };
  Direction direction = Direction::kSend;
  int peer = 0;  ///< the other stage
  Task made_by;

  bool operator==(const Message&) const = default;
};

/// Messages that go at once: none of them waits for another one of its group.
using Exchange = std::vector<Message>;
using Action = std::variant<Task, Exchange>;

/// Plain data: what each stage does in one optimizer step, in order.
struct PipelineSchedule {
  PipelineShape shape;
  std::vector<std::vector<Action>> actions;  ///< by stage
};

/// GPipe (Huang et al. 2019): all forwards, then all backwards. 1F1B (Narayanan et al. 2021, "Efficient Large-Scale
/// Language Model Training on GPU Clusters Using Megatron-LM", section 2.2): after a warm-up a forward and a backward
/// take turns, so that a stage holds at most as many micro-batches as there are stages; the interleaved one does so
/// with several parts a stage, for a smaller bubble; its rounds take as many micro-batches as there are stages, and
/// where the last round has fewer, the missing ones are left out of a full one. Backwards of a part are in the order of
/// the micro-batches.
///
/// Messages lie in the exchange of the tick in which they are made, were every task one tick long: the same exchange on
/// both sides, in the same order everywhere, so that no two groups wait for each other, NCCL's in-order groups
/// included.
/// @throws core::Error where a number is below 1, or virtual_stages is not 1 in a schedule without them.
PipelineSchedule make_schedule(config::PipelineScheduleKind kind, const PipelineShape& shape);

/// The task whose result this one starts from: the activation of the part before, or the gradient of the part behind.
/// None for the first part's forward and the last part's backward.
std::optional<Task> input_of(const PipelineShape& shape, const Task& task);

/// The stage that needs the result of a task of `shape`, or none: of the model's last forward, and its first part's
/// backward.
std::optional<int> reader_of(const PipelineShape& shape, const Task& task);

}  // namespace trainyard::parallel
