#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/pipeline_parts.h"
#include "parallel/replica.h"
#include "parallel/strategy.h"

namespace trainyard::parallel {

/// `model-parallel` over the devices of one process: the model is cut into as many consecutive parts, one batch goes
/// through at a time, and activations and gradients move from device to device. Times are the first device's: while
/// another one computes it is idle. On a CPU all devices are the CPU, and nothing idles.
class ModelParallel final : public Strategy {
 public:
  ModelParallel(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device);

  void synchronise() override {}
  DataShard data_shard() const override { return {}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  void begin_evaluation() override {}
  Evaluation evaluate(const data::Batch& batch) override;
  models::TensorMap gather_state() override;
  std::vector<StatePiece> state() override;
  void restore(const StateReader& state) override;
  std::int64_t skipped_steps() const override { return parts_.front()->skipped_steps(); }
  timing::MemoryShares memory() const override;
  std::string precision_note() const override { return parts_.front()->policy().note(); }
  std::optional<double> predicted_bubble() const override { return predicted_bubble_; }

 private:
  StepResult train(const data::Batch& batch, std::int64_t samples, timing::StepTimer& timer);
  /// The phase on the first device while part `part` computes.
  timing::Phase phase(std::size_t part, timing::Phase own) const;
  Replica& last() const { return *parts_.back(); }

  std::vector<std::unique_ptr<Replica>> parts_;
  std::optional<double> predicted_bubble_;
};

}  // namespace trainyard::parallel
