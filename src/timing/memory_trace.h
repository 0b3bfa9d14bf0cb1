#pragma once

#include <c10/core/Device.h>

#include <cstdint>

#include "log/schema.h"
#include "timing/memory_probe.h"
#include "timing/phase.h"

namespace trainyard::timing {

/// Bytes that this rank holds from step to step.
struct MemoryShares {
  std::int64_t parameters = 0;  ///< in the type that the model computes with
  std::int64_t gradients = 0;
  std::int64_t optimizer = 0;  ///< its state, and float32 masters of half parameters

  MemoryShares& operator+=(const MemoryShares& other) {
    parameters += other.parameters;
    gradients += other.gradients;
    optimizer += other.optimizer;
    return *this;
  }
};

/// Follows a device's memory through the phases of one step and cuts its peak into categories.
class MemoryTrace {
 public:
  /// The step begins. Its batches are loaded.
  explicit MemoryTrace(at::Device device);
  /// A phase ended that began after the last one named.
  void end_of(Phase phase);
  /// The step ended. Activations are what lay there at the end of a forward, at most, beyond what was there at the
  /// step's start: what backward needs. Workspace is what the peak of forward and backward adds to that: operators'
  /// temporaries, recomputed segments, gradients on their way. Where that peak comes after some activations are freed
  /// these temporaries are larger by as much. `other` is the rest of the step's peak: buffers of the model and, where
  /// another phase needs more than those two, that phase's temporaries. The categories' sum is the step's peak;
  /// peak_bytes is that since the last row. -1 where the device keeps no count.
  log::MemoryRow finish(std::int64_t step, const MemoryShares& shares);

 private:
  at::Device device_;
  std::int64_t peak_before_;
  std::int64_t start_bytes_;
  std::int64_t peak_ = 0;
  std::int64_t saved_ = 0;  ///< most allocated at the end of a forward
  std::int64_t forward_peak_ = -1;
  std::int64_t backward_peak_ = -1;
  std::int64_t optimizer_peak_ = -1;
};

}  // namespace trainyard::timing
