#pragma once

#include "parallel/replica.h"
#include "parallel/strategy.h"

namespace trainyard::parallel {

/// One rank, one device, the whole model.
class Single final : public Strategy {
 public:
  Single(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device);

  void synchronise() override {}
  DataShard data_shard() const override { return {}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  void begin_evaluation() override {}
  Evaluation evaluate(const data::Batch& batch) override { return replica_.evaluate(batch); }
  models::TensorMap gather_state() override { return models::tensors_of(replica_.model()); }
  std::vector<StatePiece> state() override { return replica_.state({}); }
  void restore(const StateReader& state) override { replica_.restore(state); }
  std::int64_t skipped_steps() const override { return replica_.skipped_steps(); }
  timing::MemoryShares memory() const override { return replica_.memory(); }
  std::string precision_note() const override { return replica_.policy().note(); }

 private:
  Replica replica_;
};

}  // namespace trainyard::parallel
