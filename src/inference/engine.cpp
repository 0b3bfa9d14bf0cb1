#include "inference/engine.h"

#include <ATen/Context.h>
#include <c10/core/InferenceMode.h>
#include <fmt/format.h>

#include <utility>

#include "config/enum_names.h"
#include "config/parse.h"
#include "core/error.h"
#include "inference/fused_convolutions.h"
#include "inference/graph_runner.h"
#include "inference/int8.h"
#include "inference/module_file.h"
#include "inference/quantised_graph.h"
#include "inference/trace.h"
#include "models/safetensors.h"

namespace trainyard::inference {
namespace {

namespace jit = torch::jit;

class EagerEngine final : public Engine {
 public:
  explicit EagerEngine(const StoredModel& stored) : Engine(stored.device, stored.type), model_(stored.model) {}

 private:
  at::Tensor forward(const at::Tensor& inputs) override { return model_->forward(inputs, models::Pass::kEvaluate); }

  std::shared_ptr<const models::Model> model_;
};

class ScriptEngine final : public Engine {
 public:
  ScriptEngine(const StoredModel& stored, jit::Module module)
      : Engine(stored.device, stored.type), module_(std::move(module)) {}

 private:
  at::Tensor forward(const at::Tensor& inputs) override { return module_.forward({inputs}).toTensor(); }

  jit::Module module_;
};

/// The integer graph, an operation after the other.
class Int8Engine final : public Engine {
 public:
  Int8Engine(const StoredModel& stored, const jit::Module& module)
      : Engine(stored.device, stored.type), runner_(module) {}

 private:
  at::Tensor forward(const at::Tensor& inputs) override { return runner_.run(inputs); }

  GraphRunner runner_;
};

/// Largest difference of two answers that are to be the same, against the largest logit: folding a batch norm into its
/// convolution rounds otherwise, the more so the fewer bits a weight has.
double tolerance(config::PrecisionKind precision) {
  switch (precision) {
    case config::PrecisionKind::kFp32:
      return 1e-4;
    case config::PrecisionKind::kTf32:
    case config::PrecisionKind::kFp16:
      return 0.02;
    case config::PrecisionKind::kAmp:
    case config::PrecisionKind::kBf16:
      return 0.1;
  }
  return 0.0;
}

void check_equal(const StoredModel& stored, const at::Tensor& example) {
  StoredModel eager = stored;
  eager.engine = config::EngineKind::kEager;
  const at::Tensor expected = open_engine(eager)->answer(example);
  const at::Tensor given = open_engine(stored)->answer(example);
  const double difference = given.sub(expected).abs().max().item<double>();
  const double scale = expected.abs().max().item<double>();
  if (difference <= tolerance(stored.precision) * scale) return;
  throw core::Error(fmt::format("{}: the module differs from the model by {:.2g} at logits of up to {:.2g}",
                                stored.file.string(), difference, scale));
}

}  // namespace

at::Tensor Engine::answer(const at::Tensor& inputs) {
  const c10::InferenceMode inference;
  const at::ScalarType type = inputs.is_floating_point() ? type_ : inputs.scalar_type();
  return forward(inputs.to(device_, type, /*non_blocking=*/true)).to(at::kCPU, at::kFloat);
}

StoredModel store_model(std::shared_ptr<const models::Model> model, config::PrecisionKind precision,
                        config::EngineKind engine, const at::Tensor& example, const CalibrationBatches& batches,
                        const std::filesystem::path& folder) {
  StoredModel stored{.engine = engine, .model = std::move(model), .precision = precision};
  stored.device = stored.model->parameters().front().tensor.device();
  stored.type = precision::Policy::make(precision, stored.device).activation_dtype();
  if (engine == config::EngineKind::kEager) {
    stored.file = folder / "model.safetensors";
    models::save_safetensors(models::tensors_of(*stored.model), stored.file);
  } else {
    stored.file = folder / "model.pt";
    const at::ScalarType type = example.is_floating_point() ? stored.type : example.scalar_type();
    const jit::Module frozen = traced_and_frozen(*stored.model, example.to(stored.device, type));
    const bool in_integers = config::computes_in_int8(engine);
    save_module(in_integers ? quantised(frozen, batches) : frozen, stored.file);
    if (!in_integers) check_equal(stored, example);
  }
  stored.bytes = static_cast<std::int64_t>(std::filesystem::file_size(stored.file));
  return stored;
}

std::unique_ptr<Engine> open_engine(const StoredModel& stored) {
  switch (stored.engine) {
    case config::EngineKind::kEager:
      return std::make_unique<EagerEngine>(stored);
    case config::EngineKind::kTorchScript: {
      jit::Module module = load_module(stored.file, stored.device);
      if (stored.device.is_cpu() && at::globalContext().hasMKLDNN()) fuse_convolutions(module);
      return std::make_unique<ScriptEngine>(stored, jit::optimize_for_inference(module));
    }
    case config::EngineKind::kInt8:
      select_int8_kernels();
      return std::make_unique<Int8Engine>(stored, load_module(stored.file, stored.device));
    case config::EngineKind::kTorchScriptInt8:
      select_int8_kernels();
      return std::make_unique<ScriptEngine>(stored, jit::freeze(load_module(stored.file, stored.device)));
  }
  throw core::Error(fmt::format("engine {}: not built", config::name_of(stored.engine)));
}

}  // namespace trainyard::inference
