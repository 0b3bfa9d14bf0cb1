#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "comm/communicator.h"
#include "parallel/gradient_reducer.h"
#include "parallel/pipeline_parts.h"
#include "parallel/pipeline_stage.h"
#include "parallel/replica.h"
#include "parallel/strategy.h"

namespace trainyard::parallel {

/// Pipeline parallel: ranks are replicas x stages, neighbouring ranks neighbouring stages of one replica. A stage holds
/// its parts of the model alone; batches go through in micro-batches, by a schedule (pipeline_schedule.h). Gradients
/// are summed over the ranks that hold the same stage. `model-parallel` over ranks is the pipeline of
/// one micro-batch, batch by batch.
class Pipeline final : public Strategy {
 public:
  /// The model is probed here (stage_probe.h) and cut in synchronise(), once the ranks know each other's times.
  Pipeline(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
           comm::Communicator& communicator);

  void synchronise() override;
  DataShard data_shard() const override { return {communicator_.rank() / stages_, communicator_.size() / stages_}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  /// Batch-norm statistics differ between replicas: validation uses the first one's.
  void begin_evaluation() override;
  Evaluation evaluate(const data::Batch& batch) override { return stage_->evaluate(batch); }
  models::TensorMap gather_state() override;
  std::vector<StatePiece> state() override {
    return replica_->state({.tensors = communicator_.rank() < stages_, .scalars = communicator_.rank() == 0});
  }
  void restore(const StateReader& state) override { replica_->restore(state); }
  std::int64_t skipped_steps() const override { return replica_->skipped_steps(); }
  timing::MemoryShares memory() const override { return replica_->memory(); }
  std::string precision_note() const override { return policy_.note(); }
  std::optional<double> predicted_bubble() const override { return predicted_bubble_; }
  /// The ranks that hold the same stage, where there are replicas.
  std::optional<RankGroup> group() const override;

 private:
  /// A parameter or buffer of the whole model, wherever it lies.
  struct TensorShape {
    std::string name;
    std::vector<std::int64_t> sizes;
    at::ScalarType type;
    bool trained;
  };

  int stage() const { return communicator_.rank() % stages_; }
  std::vector<data::Batch> cut_into_micro_batches(std::span<const data::Batch> batches) const;
  const PipelineSchedule& schedule(std::size_t micro_batches);
  /// The times of all ranks, as their mean.
  void agree_on_times();
  void broadcast_model();
  void note_shapes(const std::vector<PipelinePart>& parts);

  const config::RunConfig config_;
  const at::Device device_;
  comm::Communicator& communicator_;
  const int stages_;
  const bool one_at_a_time_;  ///< batches, even of one step
  precision::Policy policy_;
  std::unique_ptr<models::Model> model_;  ///< whole, until it is cut
  std::vector<StageProbe> probes_;
  std::vector<std::vector<TensorShape>> shapes_;  ///< by stage of the pipeline
  std::optional<double> predicted_bubble_;
  std::map<std::size_t, PipelineSchedule> schedules_;  ///< by micro-batches

  // From synchronise() on.
  std::unique_ptr<comm::Communicator> same_stage_;
  std::unique_ptr<Replica> replica_;
  std::unique_ptr<GradientReducer> reducer_;
  std::unique_ptr<PipelineStage> stage_;
};

}  // namespace trainyard::parallel
