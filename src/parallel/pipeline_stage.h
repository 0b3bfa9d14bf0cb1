#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "comm/communicator.h"
#include "parallel/pipeline_parts.h"
#include "parallel/pipeline_schedule.h"
#include "parallel/replica.h"

namespace trainyard::parallel {

/// Where a stage stands among the ranks of its pipeline.
struct StagePlace {
  int stage = 0;
  int stages = 1;
  int first_rank = 0;  ///< of stage 0; the others follow
};

/// Carries out one stage's actions of a schedule: forwards and backwards of its parts, and the exchanges with other
/// stages. An exchange is begun where the schedule has it and waited for where its message is needed, as idle time.
class PipelineStage {
 public:
  /// replica: over a model that holds this stage's parts alone, in their order. All parts of the whole model, in its
  /// order. communicator: of all ranks.
  PipelineStage(Replica& replica, std::vector<PipelinePart> parts, StagePlace place, comm::Communicator& communicator);

  /// Forward and backward of all micro-batches, which are on the CPU: adds the gradients of (sum of their losses /
  /// samples), times the loss scale, to the replica's flat views, between begin_step() and finish_step() of its hooks.
  /// Loss, correct and samples are 0 except on the last stage. last: no more of this optimizer step follow.
  StepResult train(const PipelineSchedule& schedule, std::span<const data::Batch> micro_batches, std::int64_t samples,
                   bool last, timing::StepTimer& timer);
  /// Forward alone, of one micro-batch. Figures of the last stage, 0 elsewhere. Returns once the next stage asked for
  /// this stage's result, so that stages work on neighbouring batches at once.
  Evaluation evaluate(const data::Batch& batch);

 private:
  /// What a forward leaves for its backward.
  struct Held {
    at::Tensor input;
    at::Tensor output;  ///< the loss's share on the last part
  };
  /// A result of another task, which may be on its way.
  struct Arrival {
    at::Tensor tensor;
    std::shared_ptr<comm::Work> work;  ///< null: made here
  };

  void forward(const Task& task, const data::Batch& batch);
  void backward(const Task& task);
  void exchange(const Exchange& messages);
  /// Hands a task's result to whoever needs it.
  void deliver(const Task& task, at::Tensor result);
  at::Tensor take_input(const Task& task);
  /// The model's input on this device, where a part needs it: all parts need token ids, the first alone images.
  at::Tensor model_input(const data::Batch& batch, int part);
  at::Tensor labels_of(const data::Batch& batch);
  models::Range own_stages(int part) const;
  bool is_last(int part) const { return part + 1 == static_cast<int>(parts_.size()); }
  int rank_of(int stage) const { return place_.first_rank + stage; }

  Replica& replica_;
  std::vector<PipelinePart> parts_;
  StagePlace place_;
  comm::Communicator& communicator_;
  std::vector<models::Range> own_;  ///< by this stage's parts: stages of the replica's model

  // Of the step under way.
  PipelineShape shape_;
  std::span<const data::Batch> micro_batches_;
  std::int64_t samples_ = 0;
  timing::StepTimer* timer_ = nullptr;
  StepResult result_;
  std::map<Task, Held> held_;         ///< by forward
  std::map<Task, Arrival> arrivals_;  ///< by the task that made it
  std::map<Task, at::Tensor> outgoing_;
  std::vector<std::shared_ptr<comm::Work>> works_;
};

}  // namespace trainyard::parallel
