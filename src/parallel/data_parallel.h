#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "parallel/flat_parameters.h"
#include "parallel/gradient_hooks.h"
#include "parallel/replica.h"
#include "parallel/strategy.h"
#include "parallel/worker_thread.h"
#include "timing/stream_clock.h"

namespace trainyard::parallel {

/// A copy of the model on another device of the process, with a thread that drives it: gradients, no optimizer.
class DeviceCopy {
 public:
  DeviceCopy(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device, int threads);

  /// Takes the parameters and buffers of the first device.
  void take_state(Replica& from);
  /// Begins, in the copy's thread: gradients of (sum of the batches' losses times `factor`), a float32 scalar.
  void start(std::vector<data::Batch> batches, at::Tensor factor);
  /// Waits for it. Loss and correct are on this device.
  StepResult wait();
  const FlatParameters& parameters() const { return parameters_; }

 private:
  void run(const data::Batch& batch, const at::Tensor& factor);

  at::Device device_;
  int threads_;
  precision::Policy policy_;
  std::unique_ptr<models::Model> model_;
  FlatParameters parameters_;
  GradientHooks hooks_;
  StepResult result_;
  WorkerThread worker_;  // ends before what it uses
};

/// `dp`: one process, several devices, as PyTorch's DataParallel. Each step copies the model from the first device to
/// the others, cuts each batch between them, runs all at once, sums their gradients on the first device and steps
/// there. Copying out, waiting for the slowest device and summing are exposed communication: none of it hides behind
/// computing. On a CPU the devices are threads that share its cores. Batch-norm statistics are the first device's.
class DataParallel final : public Strategy {
 public:
  DataParallel(const config::RunConfig& config, std::unique_ptr<models::Model> model, at::Device device);

  void synchronise() override {}
  DataShard data_shard() const override { return {}; }
  StepResult step(std::span<const data::Batch> batches, double lr, timing::StepTimer& timer) override;
  void begin_evaluation() override {}
  /// On the first device alone.
  Evaluation evaluate(const data::Batch& batch) override { return replica_.evaluate(batch); }
  models::TensorMap gather_state() override { return models::tensors_of(replica_.model()); }
  std::vector<StatePiece> state() override { return replica_.state({}); }
  void restore(const StateReader& state) override { replica_.restore(state); }
  std::int64_t skipped_steps() const override { return replica_.skipped_steps(); }
  timing::MemoryShares memory() const override;
  std::string precision_note() const override { return replica_.policy().note(); }

 private:
  /// Waits until the first device has done what it was given, so that the host's clock tells how long that took.
  void finish_device_work();

  Replica replica_;
  std::unique_ptr<timing::StreamClock> clock_;
  std::vector<std::unique_ptr<DeviceCopy>> copies_;
  int all_threads_;
  int own_threads_;
};

}  // namespace trainyard::parallel
