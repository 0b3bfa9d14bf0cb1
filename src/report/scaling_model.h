#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/scaling.h"

namespace trainyard::report {

/// Time of a step at one number of ranks.
struct ScalingPoint {
  std::int64_t ranks = 0;
  double measured_ns = 0;  ///< mean over the runs; 0: predicted
  double model_ns = 0;
  double images_per_second = 0;  ///< by the model
  double efficiency = 0;         ///< by the model, against its own single rank
  double beyond = 0;             ///< ranks over the most that were measured; 1 and less: within
};

/// Step time against ranks n as compute + alpha-beta communication. Weak: compute + 2 (n-1) alpha + 2 (n-1)/n S beta;
/// strong: compute / n + the same. S is the model's size. Alpha and beta are what is left after overlapping.
struct ScalingModel {
  std::string label;  ///< "resnet18 · cifar10 · fp32 · ddp"
  ScalingKind kind = ScalingKind::kWeak;
  double compute_ns = 0;  ///< of a single rank's step
  double alpha_ns = 0;    ///< a message's latency
  double beta_ns = 0;     ///< a byte's time; where the model's size is not known, of all of it together
  bool size_known = false;
  double largest_error = 0;          ///< of the measured points: |model / measured - 1|
  std::vector<ScalingPoint> points;  ///< ascending; those measured, then predictions
};

inline constexpr const char* kScalingModelRule =
    "Model: a step of n ranks takes compute (strong scaling: compute / n) + 2 (n-1) alpha + 2 (n-1)/n x model size x "
    "beta, "
    "as a ring all-reduce does; fitted by least squares of the relative error, none of the three negative. With two "
    "rank "
    "counts alpha is taken as 0. Alpha and beta are of the communication that computing waits for. What lies beyond "
    "the "
    "measured ranks is extrapolated and knows nothing of slower links between nodes.";

/// One for each strategy, and kind of scaling, of runs that differ in their number of ranks alone, of two numbers at
/// least.
std::vector<ScalingModel> fit_scaling(const std::vector<RunSummary>& runs);

}  // namespace trainyard::report
