#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "data/dataset.h"
#include "data/loader.h"
#include "inference/engine.h"
#include "log/schema.h"

namespace trainyard::inference {

/// @throws core::UsageError where the data set has fewer samples than one batch.
void check_batch_size(const data::Dataset& data, std::int64_t batch_size);

/// The first batches of a data set, all of one size: as many as there are, but no more than are worth their memory, and
/// at least one.
std::vector<data::Batch> first_batches(const std::shared_ptr<const data::Dataset>& data, std::int64_t batch_size,
                                       const data::LoaderOptions& loading);

struct MeasurementPlan {
  std::int64_t warmup = 0;       ///< batches before those that count
  std::int64_t batches = 0;      ///< that count
  std::int64_t first = 0;        ///< number of the first row
  std::int64_t log_zero_ns = 0;  ///< on core::steady_ns()
  bool labelled = false;         ///< whether right answers mean anything
};

/// Answers the batches in turn, over and over, one at a time, and gives a row for each that counts.
void measure(Engine& engine, const std::vector<data::Batch>& batches, const MeasurementPlan& plan,
             const std::function<void(const log::InferenceRow&)>& sink);

/// Right answers over a whole data set.
log::AccuracyRow evaluate(Engine& engine, const std::shared_ptr<const data::Dataset>& data,
                          const data::LoaderOptions& loading);

}  // namespace trainyard::inference
