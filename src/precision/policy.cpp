#include "precision/policy.h"

#include <ATen/Context.h>

namespace trainyard::precision {

Policy Policy::make(config::PrecisionKind kind, at::Device device) {
  Policy policy(device);
  // LibTorch's own default lets cuDNN use TF32 for float32 convolutions; fp32 means fp32 here.
  at::globalContext().setAllowTF32CuDNN(false);
  at::globalContext().setAllowTF32CuBLAS(false);
  switch (kind) {
    case config::PrecisionKind::kFp32:
      break;
    case config::PrecisionKind::kFp16:
      policy.activation_dtype_ = at::kHalf;
      policy.scales_loss_ = true;
      if (device.is_cpu()) policy.note_ = "fp16 on a CPU: layers compute in fp32 from fp16 tensors and round to fp16";
      break;
  }
  return policy;
}

void Policy::prepare(models::Model& model) const {
  model.to(device_);
  if (activation_dtype_ == at::kFloat) return;
  for (const models::Parameter& parameter : model.parameters()) {
    if (!parameter.always_float32) parameter.tensor.set_data(parameter.tensor.to(activation_dtype_));
  }
}

std::unique_ptr<models::Model> Policy::prepared(std::unique_ptr<models::Model> model) const {
  prepare(*model);
  return model;
}

}  // namespace trainyard::precision
