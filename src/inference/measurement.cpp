#include "inference/measurement.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "core/clock.h"
#include "core/error.h"
#include "parallel/loss.h"

namespace trainyard::inference {
namespace {

constexpr std::int64_t kMostBytes = 256LL << 20;  ///< of batches that are held for measuring, unless one is larger
constexpr std::int64_t kEvaluationBatch = 64;

data::Sampler in_order(const data::Dataset& data, std::int64_t batch_size) {
  return data::Sampler::validation({.samples = data.size(), .batch_size = batch_size});
}

}  // namespace

void check_batch_size(const data::Dataset& data, std::int64_t batch_size) {
  if (data.size() >= batch_size) return;
  throw core::UsageError(fmt::format("batch-sizes: {} is more than the {} validation samples of {}", batch_size,
                                     data.size(), data.name()));
}

std::vector<data::Batch> first_batches(const std::shared_ptr<const data::Dataset>& data, std::int64_t batch_size,
                                       const data::LoaderOptions& loading) {
  data::Loader loader(data, in_order(*data, batch_size), loading);
  loader.start_epoch(0);
  std::vector<data::Batch> batches{*loader.next()};
  const auto batch_bytes = static_cast<std::int64_t>(batches.front().inputs.nbytes());
  const std::int64_t count = std::clamp(kMostBytes / batch_bytes, std::int64_t{1}, data->size() / batch_size);
  while (static_cast<std::int64_t>(batches.size()) < count)
    batches.push_back(*loader.next());
  return batches;
}

void measure(Engine& engine, const std::vector<data::Batch>& batches, const MeasurementPlan& plan,
             const std::function<void(const log::InferenceRow&)>& sink) {
  for (std::int64_t turn = 0; turn < plan.warmup + plan.batches; ++turn) {
    const data::Batch& batch = batches[static_cast<std::size_t>(turn) % batches.size()];
    const std::int64_t start_ns = core::steady_ns();
    const at::Tensor logits = engine.answer(batch.inputs);
    const std::int64_t end_ns = core::steady_ns();
    if (turn < plan.warmup) continue;
    sink({.batch = plan.first + turn - plan.warmup,
          .start_ns = start_ns - plan.log_zero_ns,
          .duration_ns = end_ns - start_ns,
          .samples = batch.inputs.size(0),
          .correct = plan.labelled ? parallel::count_correct(logits, batch.labels).item<std::int64_t>() : -1});
  }
}

log::AccuracyRow evaluate(Engine& engine, const std::shared_ptr<const data::Dataset>& data,
                          const data::LoaderOptions& loading) {
  data::Loader loader(data, in_order(*data, std::min(kEvaluationBatch, data->size())), loading);
  loader.start_epoch(0);
  log::AccuracyRow row;
  while (const std::optional<data::Batch> batch = loader.next()) {
    row.samples += batch->inputs.size(0);
    row.correct += parallel::count_correct(engine.answer(batch->inputs), batch->labels).item<std::int64_t>();
  }
  return row;
}

}  // namespace trainyard::inference
