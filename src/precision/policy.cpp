#include "precision/policy.h"

#include <ATen/Context.h>

namespace trainyard::precision {

Policy Policy::make(config::PrecisionKind kind, at::Device device) {
  Policy policy(device);
  // LibTorch's own default lets cuDNN use TF32 for float32 convolutions; fp32 means fp32 here.
  const bool tf32 = kind == config::PrecisionKind::kTf32;
  at::globalContext().setAllowTF32CuDNN(tf32);
  at::globalContext().setAllowTF32CuBLAS(tf32);
  switch (kind) {
    case config::PrecisionKind::kFp32:
      break;
    case config::PrecisionKind::kTf32:
      if (device.is_cpu()) policy.note_ = "tf32 on a CPU: computes in fp32, a CPU has no TF32 units";
      break;
    case config::PrecisionKind::kAmp:
      policy.autocast_dtype_ = device.is_cpu() ? at::kBFloat16 : at::kHalf;
      policy.scales_loss_ = device.is_cuda();  // bfloat16 has float32's exponents
      if (device.is_cpu()) policy.note_ = "amp on a CPU: autocast to bfloat16, which needs no loss scaling";
      break;
    case config::PrecisionKind::kFp16:
      policy.activation_dtype_ = at::kHalf;
      policy.scales_loss_ = true;
      if (device.is_cpu()) policy.note_ = "fp16 on a CPU: layers compute in fp32 from fp16 tensors and round to fp16";
      break;
    case config::PrecisionKind::kBf16:
      policy.activation_dtype_ = at::kBFloat16;
      break;
  }
  return policy;
}

void Policy::prepare(models::Model& model) const {
  model.to(device_);
  if (autocast_dtype_) model.autocast(*autocast_dtype_);
  if (activation_dtype_ == at::kFloat) return;
  for (const models::Parameter& parameter : model.parameters()) {
    if (!parameter.always_float32) parameter.tensor.set_data(parameter.tensor.to(activation_dtype_));
  }
}

std::int64_t Policy::bytes_of(const models::Model& model) const {
  const auto width = static_cast<std::int64_t>(c10::elementSize(activation_dtype_));
  std::int64_t bytes = 0;
  for (const models::Parameter& parameter : model.parameters())
    bytes += parameter.tensor.numel() * (parameter.always_float32 ? std::int64_t{sizeof(float)} : width);
  for (const models::NamedTensor& buffer : model.buffers())
    bytes += static_cast<std::int64_t>(buffer.tensor.nbytes());
  return bytes;
}

std::unique_ptr<models::Model> Policy::prepared(std::unique_ptr<models::Model> model) const {
  prepare(*model);
  return model;
}

}  // namespace trainyard::precision
