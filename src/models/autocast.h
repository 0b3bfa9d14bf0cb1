#pragma once

#include <ATen/core/Tensor.h>

namespace trainyard::models {

/// While it lives, this thread's operations on a device type choose their own type, by LibTorch's autocast lists:
/// convolutions and matrix products run in `lower`, sums and norms in float32. Casts of weights are not kept: a layer
/// uses its weight once a pass.
class Autocast {
 public:
  Autocast(at::DeviceType device, at::ScalarType lower);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  at::DeviceType device_;
  bool enabled_before_;
  bool cached_before_;
  at::ScalarType lower_before_;
};

}  // namespace trainyard::models
