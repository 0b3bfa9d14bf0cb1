#pragma once

#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "parallel/gradient_reducer.h"
#include "parallel/parameter_gatherer.h"
#include "parallel/replica.h"
#include "parallel/replication.h"
#include "parallel/strategy.h"
#include "parallel/synchronised_statistics.h"

namespace trainyard::parallel {

/// Data parallel with sharded states (Rajbhandari et al. 2020, ZeRO, arXiv:1910.02054). Each rank takes its slice of
/// each global batch, as in DDP, but owns only 1/ranks of every flat bucket: gradients are reduce-scattered, each rank
/// steps its shard, and parameters are gathered again. zero1 shards the optimizer's state (and the fp32 masters), zero2
/// the gradients too, zero3 the parameters too, a stage at a time. In an accumulation window gradients are reduced
/// once, at its end, and zero2 and zero3 hold them whole until then.
class Sharded final : public Strategy {
 public:
  /// config.strategy: zero1, zero2 or zero3.
  Sharded(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device,
          comm::Communicator& communicator);

  void synchronise() override;
  DataShard data_shard() const override { return {communicator_.rank(), communicator_.size()}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  /// Batch-norm statistics differ between ranks, since each saw its own samples: validation uses rank 0's.
  void begin_evaluation() override;
  Evaluation evaluate(const data::Batch& batch) override { return replica_.evaluate(batch); }
  models::TensorMap gather_state() override;
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
  std::unique_ptr<ParameterGatherer> gatherer_;  ///< where parameters are sharded
  std::vector<std::shared_ptr<comm::Work>> parameter_gathers_;
};

}  // namespace trainyard::parallel
