#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "config/run_config.h"
#include "inference/calibration.h"
#include "models/model.h"
#include "precision/policy.h"

namespace trainyard::inference {

/// Answers batches of images or of token ids.
class Engine {
 public:
  virtual ~Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// inputs: float32 [N, C, H, W] or int64 [N, L], on the CPU. Logits: float32 [N, classes] on the CPU, there when the
  /// call returns.
  at::Tensor answer(const at::Tensor& inputs);

 protected:
  Engine(at::Device device, at::ScalarType type) : device_(device), type_(type) {}
  /// Inputs on the engine's device, floats in its type -> logits there.
  virtual at::Tensor forward(const at::Tensor& inputs) = 0;

 private:
  at::Device device_;
  at::ScalarType type_;
};

/// A model in its precision and on its device, stored in the form that an engine runs.
struct StoredModel {
  config::EngineKind engine = config::EngineKind::kEager;
  std::shared_ptr<const models::Model> model;
  at::Device device = at::kCPU;
  config::PrecisionKind precision = config::PrecisionKind::kFp32;
  at::ScalarType type = at::kFloat;  ///< of images that it takes
  std::filesystem::path file = {};   ///< safetensors for eager, else TorchScript
  std::int64_t bytes = 0;            ///< of the file
};

/// Makes what the engine runs and writes it into a folder: the weights, or the traced and frozen module, or that one in
/// integers. model: as the policy of that precision prepared it. example: a batch as the loader gives it. batches:
/// training data for the engines of int8, float32 on the CPU. A module is loaded again and its answers are compared
/// with the model's.
/// @throws core::Error where they differ, or the file cannot be written.
StoredModel store_model(std::shared_ptr<const models::Model> model, config::PrecisionKind precision,
                        config::EngineKind engine, const at::Tensor& example, const CalibrationBatches& batches,
                        const std::filesystem::path& folder);

/// A fresh engine from what was stored. Kernels of 8-bit integers are prepared at the first batch for its size, so open
/// one for each size that is measured.
std::unique_ptr<Engine> open_engine(const StoredModel& stored);

}  // namespace trainyard::inference
