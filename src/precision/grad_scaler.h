#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/registry.h"

namespace trainyard::precision {

/// Dynamic loss scaling. A step whose gradients hold an infinity or NaN is skipped and halves the scale; 2,000 good
/// steps in a row double it. Start 65,536. Rules and constants: torch.amp.GradScaler's documented defaults.
///
/// All state stays on the device: no call waits for it, but skipped().
class GradScaler {
 public:
  explicit GradScaler(at::Device device);

  /// loss times the scale.
  at::Tensor scale(const at::Tensor& loss) const;
  /// Divides float32 gradients by the scale, in place, and notes whether any is not finite. Gradients that were summed
  /// over ranks carry one rank's infinity to all, so that all decide alike.
  void unscale(std::vector<at::Tensor>& gradients);
  /// float32 scalar, 1 when the step must be skipped; what the optimizer's kernels take.
  at::Tensor& found_inf() { return found_inf_; }
  /// Ends the step: moves the scale, forgets found_inf.
  void update();

  /// Steps skipped so far. Waits for the device.
  std::int64_t skipped() const;
  /// The scale now. Waits for the device.
  double value() const;
  /// What is kept from step to step. No copies: writing to them changes the scaler.
  std::vector<models::NamedTensor> state() const;

 private:
  at::Tensor scale_;
  at::Tensor growth_tracker_;
  at::Tensor found_inf_;
  at::Tensor skipped_;
};

}  // namespace trainyard::precision
