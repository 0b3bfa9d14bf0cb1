#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "data/loader.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "parallel/state.h"
#include "timing/memory_trace.h"
#include "timing/step_timer.h"

namespace trainyard::parallel {

/// Which part of each global batch this rank takes. Ranks that work on the same samples share one shard.
struct DataShard {
  int index = 0;
  int count = 1;
};

/// What one optimizer step did, on this rank. Tensors stay on the device: reading them waits for it.
struct StepResult {
  at::Tensor loss_sum;  ///< float32 scalar: cross-entropy summed over this rank's samples
  at::Tensor correct;   ///< int64 scalar: samples whose highest logit is their label's
  std::int64_t samples = 0;
  std::vector<std::shared_ptr<comm::Work>> collectives;  ///< every one of them waited for

  /// Adds a batch's or device's part of the step.
  void add(const StepResult& part);
};

/// One rank's evaluated samples; sums over ranks are the caller's.
struct Evaluation {
  double loss_sum = 0.0;
  std::int64_t correct = 0;
  std::int64_t samples = 0;
};

/// A part of the run's ranks, with a communicator of its own.
struct RankGroup {
  comm::Communicator* communicator;
  int number;  ///< among the parts of a run, from 1: the same on all ranks of this one
};

/// A way to spread an optimizer step over ranks. Every rank makes the same calls.
class Strategy {
 public:
  virtual ~Strategy() = default;

  /// Rank 0's parameters and buffers become everyone's. Collective; once, before the first step.
  virtual void synchronise() = 0;
  virtual DataShard data_shard() const = 0;
  /// One optimizer step over batches on the CPU, at least one, whose gradients are accumulated: the gradient is that of
  /// the mean loss over all their samples on all ranks.
  virtual StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) = 0;
  /// Before the first evaluate() of a pass.
  virtual void begin_evaluation() = 0;
  /// Forward alone, in evaluation mode. An empty batch evaluates to nothing.
  virtual Evaluation evaluate(const data::Batch& batch) = 0;

  /// The whole model's parameters and buffers, on rank 0; on the others what they have of it. Collective.
  virtual models::TensorMap gather_state() = 0;
  /// This rank's part of what a later run needs to go on from here: all ranks' parts together hold each element once.
  virtual std::vector<StatePiece> state() = 0;
  /// Goes on from a saved state. After synchronise(), on every rank; no collectives.
  /// @throws core::Error naming the tensor that the state lacks or has in another shape.
  virtual void restore(const StateReader& state) = 0;
  /// Steps skipped for an overflow so far. Waits for the device.
  virtual std::int64_t skipped_steps() const = 0;
  /// The share of a step, 0 to 1, that this rank is predicted to wait for other stages; none where there are none.
  virtual std::optional<double> predicted_bubble() const { return std::nullopt; }
  /// The part of the ranks with which this one makes collectives that not all ranks make; none where there is none.
  /// From synchronise() on.
  virtual std::optional<RankGroup> group() const { return std::nullopt; }
  /// What this rank holds from step to step.
  virtual timing::MemoryShares memory() const = 0;
  /// What the log must say of the arithmetic (precision::Policy::note).
  virtual std::string precision_note() const = 0;
};

/// The strategy that a configuration names, over a fresh model of its seed. No collectives: what is wrong on one rank
/// alone (no memory left on its device, say) can still be told to the others.
/// communicator: of all ranks, on the model's device; it must outlive the strategy.
/// @throws core::UsageError when the configuration does not fit the number of ranks.
std::unique_ptr<Strategy> make_strategy(const config::RunConfig& config, std::unique_ptr<models::Model> model,
                                        at::Device device, comm::Communicator& communicator);

}  // namespace trainyard::parallel
