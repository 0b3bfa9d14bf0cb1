#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// How fast batches of one size were answered, one at a time.
struct BatchFigures {
  std::int64_t batch_size = 0;
  std::int64_t batches = 0;  ///< measured
  double images_per_second = 0.0;
  double p50_ns = 0.0;  ///< of a batch's time; quantiles as statistics.h has them
  double p95_ns = 0.0;
  double p99_ns = 0.0;
};

/// What the report says of one inference run.
struct InferenceSummary {
  std::string label;  ///< short and unique among them
  std::string folder;
  log::RunAttributes attributes;  ///< every text of it cleaned
  bool complete = false;
  std::vector<BatchFigures> sizes;           ///< ascending
  std::optional<double> accuracy;            ///< 0 to 1
  std::optional<double> reference_accuracy;  ///< of the same model in eager fp32; that is its own where it is that
};

inline constexpr const char* kInferenceRule =
    "Inference: a batch's time is from the batch in memory to its answer in memory, one batch at a time, after a "
    "warm-up that is not logged. What an engine costs is its accuracy less that of the same model in eager fp32.";

/// Whether a run answered instead of training.
bool is_inference(const Run& run);

/// Figures of such a run: of its latest start.
InferenceSummary summarize_inference(const Run& run);

}  // namespace trainyard::report
