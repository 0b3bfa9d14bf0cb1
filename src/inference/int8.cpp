#include "inference/int8.h"

#include <ATen/Context.h>
#include <ATen/ops/quantize_per_channel.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "inference/operation.h"

namespace trainyard::inference {
namespace {

constexpr double kWeightLevels = 127.0;  // to either side of 0
/// A channel's scale is at least this part of the largest one's: FBGEMM holds the bias as an integer in units of the
/// scales, where one of next to nothing overflows.
constexpr double kSmallestShare = 1e-4;

bool has_dot_products() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx512vnni") != 0;
#else
  return false;
#endif
}

}  // namespace

Int8Kernels select_int8_kernels() {
  const auto& engines = at::Context::supportedQEngines();
  const auto has = [&](at::QEngine engine) { return std::ranges::count(engines, engine) > 0; };
  // The engine "x86" would choose oneDNN's kernels as well, but has no convolution that takes a residual in.
  const bool dot_products = has_dot_products() && has(at::QEngine::ONEDNN);
  if (dot_products) {
    at::globalContext().setQEngine(at::QEngine::ONEDNN);
  } else if (has(at::QEngine::FBGEMM)) {
    at::globalContext().setQEngine(at::QEngine::FBGEMM);
  }
  return {.dot_products = dot_products};
}

Int8Scale int8_scale(const ValueRange& range, int levels) {
  const double extent = range.high - range.low;
  if (extent <= 0.0) return {};
  const double scale = extent / levels;
  const double zero = std::clamp(std::nearbyint(-range.low / scale), 0.0, static_cast<double>(levels));
  return {.scale = scale, .zero_point = static_cast<std::int64_t>(zero)};
}

at::Tensor quantise_weight(const at::Tensor& weight) {
  at::Tensor largest = weight.abs().flatten(1).amax(1).to(at::kDouble);
  const double over_all = largest.max().item<double>();
  largest.clamp_min_(over_all > 0.0 ? over_all * kSmallestShare : kWeightLevels);
  const at::Tensor zero_points = at::zeros({weight.size(0)}, at::kLong);
  return at::quantize_per_channel(weight, largest.div(kWeightLevels), zero_points, 0, at::kQInt8);
}

c10::IValue pack_convolution(const at::Tensor& weight, const c10::IValue& bias, const ConvolutionShape& shape) {
  return call_operation("quantized::conv2d_prepack",
                        {quantise_weight(weight), bias, shape.stride, shape.padding, shape.dilation, shape.groups});
}

c10::IValue pack_linear(const at::Tensor& weight, const c10::IValue& bias) {
  return call_operation("quantized::linear_prepack", {quantise_weight(weight), bias});
}

}  // namespace trainyard::inference
