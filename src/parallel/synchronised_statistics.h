#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "models/model.h"
#include "timing/step_timer.h"

namespace trainyard::parallel {

/// The collectives of synchronised batch norm as part of a step: a layer's waiting for them, in the midst of forward
/// and backward, is exposed communication.
class SynchronisedStatistics {
 public:
  /// From now on the model's batch norms take their statistics over all ranks' samples. The model's training passes
  /// belong to a step that was begun here, and both arguments outlive them, as this does.
  void synchronise(models::Model& model, comm::Communicator& communicator);

  void begin_step(timing::StepTimer& timer);
  /// Those of this step, each waited for.
  const std::vector<std::shared_ptr<comm::Work>>& works() const { return works_; }

 private:
  timing::StepTimer* timer_ = nullptr;
  std::vector<std::shared_ptr<comm::Work>> works_;
};

}  // namespace trainyard::parallel
