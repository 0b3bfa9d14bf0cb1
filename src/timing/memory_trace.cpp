#include "timing/memory_trace.h"

#include <algorithm>

namespace trainyard::timing {

MemoryTrace::MemoryTrace(at::Device device) : device_(device) {
  const DeviceMemory now = device_memory(device);
  peak_before_ = now.peak;
  start_bytes_ = now.allocated;
  reset_device_peak(device);
}

void MemoryTrace::end_of(Phase phase) {
  const DeviceMemory memory = device_memory(device_);
  reset_device_peak(device_);
  peak_ = std::max(peak_, memory.peak);
  if (phase == Phase::kForward) {
    saved_ = std::max(saved_, memory.allocated);
    forward_peak_ = std::max(forward_peak_, memory.peak);
  }
  if (phase == Phase::kBackward) backward_peak_ = std::max(backward_peak_, memory.peak);
  if (phase == Phase::kOptimizer) optimizer_peak_ = std::max(optimizer_peak_, memory.peak);
}

log::MemoryRow MemoryTrace::finish(std::int64_t step, const MemoryShares& shares) {
  end_of(Phase::kOther);
  log::MemoryRow row = probe_memory(device_, step);
  if (start_bytes_ < 0) return row;
  row.peak_bytes = std::max(peak_before_, peak_);
  row.parameters_bytes = shares.parameters;
  row.gradients_bytes = shares.gradients;
  row.optimizer_bytes = shares.optimizer;
  row.activations_bytes = std::max<std::int64_t>(0, saved_ - start_bytes_);
  row.workspace_bytes =
      std::max<std::int64_t>(0, std::max(forward_peak_, backward_peak_) - start_bytes_ - row.activations_bytes);
  const std::int64_t told =
      row.parameters_bytes + row.gradients_bytes + row.optimizer_bytes + row.activations_bytes + row.workspace_bytes;
  row.other_bytes = std::max<std::int64_t>(0, peak_ - told);
  row.forward_peak_bytes = forward_peak_;
  row.backward_peak_bytes = backward_peak_;
  row.optimizer_peak_bytes = optimizer_peak_;
  return row;
}

}  // namespace trainyard::timing
