#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "models/model.h"
#include "parallel/flat_parameters.h"
#include "timing/step_timer.h"

namespace trainyard::parallel {

/// Runs a model whose parameters are sharded over ranks: each stage's are gathered before it is used, while the stage
/// before it computes, and freed after it, in forward and again in backward.
class ParameterGatherer {
 public:
  /// All must outlive it. Every rank runs the same passes, since gathering is collective.
  ParameterGatherer(const models::Model& model, FlatParameters& parameters, comm::Communicator& communicator);

  /// Waiting for parameters is this timer's exposed communication, in backward too; null: not timed.
  void begin_step(timing::StepTimer* timer);
  /// The whole model. In training the last stage keeps its parameters, with which backward begins.
  at::Tensor forward(const at::Tensor& input, models::Pass pass);
  /// After the step's last backward: frees what that used last.
  void finish_step();

  /// One stage's parameters, whole, until drop().
  void gather(std::size_t stage);
  void drop(std::size_t stage);

  /// What was gathered since begin_step(); all of it waited for.
  const std::vector<std::shared_ptr<comm::Work>>& works() const { return works_; }

 private:
  void prefetch(std::size_t stage);
  void enter_backward(std::size_t stage);

  const models::Model& model_;
  FlatParameters& parameters_;
  comm::Communicator& communicator_;
  timing::StepTimer* timer_ = nullptr;
  std::vector<std::vector<std::size_t>> buckets_;                    ///< by stage
  std::vector<std::vector<std::shared_ptr<comm::Work>>> under_way_;  ///< by stage
  std::vector<std::shared_ptr<comm::Work>> works_;
};

}  // namespace trainyard::parallel
