#include "parallel/flat_parameters.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/strides.h>

namespace trainyard::parallel {
namespace {

/// A view of elements [offset, offset + n) of a flat tensor, shaped as a parameter, in the memory format asked for.
at::Tensor slot_view(const at::Tensor& flat, const Slot& slot, at::IntArrayRef shape, config::MemoryFormat format) {
  const bool channels_last = format == config::MemoryFormat::kChannelsLast && shape.size() == 4;
  if (channels_last) return flat.as_strided(shape, c10::get_channels_last_strides_2d(shape), slot.offset);
  return flat.as_strided(shape, c10::contiguous_strides(shape), slot.offset);
}

}  // namespace

FlatParameters::FlatParameters(models::Model& model, double bucket_mb, config::MemoryFormat format) {
  const c10::NoGradGuard no_grad;
  const auto& parameters = model.parameters();
  std::vector<ParameterShape> shapes;
  for (const models::Parameter& parameter : parameters) {
    shapes.push_back({parameter.tensor.scalar_type(), parameter.tensor.numel()});
  }
  gradient_views_.resize(parameters.size());
  bucket_of_.resize(parameters.size());
  for (Bucket& layout : bucket_layout(shapes, bucket_mb)) {
    const at::TensorOptions options = at::TensorOptions(layout.dtype).device(parameters.front().tensor.device());
    FlatBucket bucket{layout, at::zeros({layout.elements}, options), at::zeros({layout.elements}, options), {}};
    for (const Slot& slot : layout.slots) {
      const at::Tensor& parameter = parameters[slot.parameter].tensor;
      at::Tensor view = slot_view(bucket.parameters, slot, parameter.sizes(), format);
      view.copy_(parameter);
      parameter.set_data(view);
      gradient_views_[slot.parameter] = slot_view(bucket.gradients, slot, parameter.sizes(), format);
      bucket_of_[slot.parameter] = buckets_.size();
    }
    bucket.master = layout.dtype == at::kFloat ? bucket.parameters : bucket.parameters.to(at::kFloat);
    buckets_.push_back(std::move(bucket));
  }
}

void FlatParameters::publish(FlatBucket& bucket) const {
  const c10::NoGradGuard no_grad;
  if (!bucket.master.is_same(bucket.parameters)) bucket.parameters.copy_(bucket.master);
}

}  // namespace trainyard::parallel
