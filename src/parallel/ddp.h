#pragma once

#include "comm/communicator.h"
#include "parallel/gradient_reducer.h"
#include "parallel/replica.h"
#include "parallel/replication.h"
#include "parallel/strategy.h"
#include "parallel/synchronised_statistics.h"

namespace trainyard::parallel {

/// Distributed data parallel: every rank holds the whole model and takes its slice of each global batch; gradients are
/// summed over ranks bucket by bucket while backward goes on.
class Ddp final : public Strategy {
 public:
  Ddp(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
      comm::Communicator& communicator);

  void synchronise() override;
  DataShard data_shard() const override { return {communicator_.rank(), communicator_.size()}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  /// Batch-norm statistics differ between ranks, since each saw its own samples: validation uses rank 0's.
  void begin_evaluation() override;
  Evaluation evaluate(const data::Batch& batch) override { return replica_.evaluate(batch); }
  models::TensorMap gather_state() override { return models::tensors_of(replica_.model()); }
  std::vector<StatePiece> state() override { return replica_.state(spokesman_of(communicator_)); }
  void restore(const StateReader& state) override { replica_.restore(state); }
  std::int64_t skipped_steps() const override { return replica_.skipped_steps(); }
  timing::MemoryShares memory() const override { return replica_.memory(); }
  std::string precision_note() const override { return replica_.policy().note(); }

 private:
  comm::Communicator& communicator_;
  Replica replica_;
  SynchronisedStatistics statistics_;
  GradientReducer reducer_;
};

}  // namespace trainyard::parallel
