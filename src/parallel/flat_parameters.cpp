#include "parallel/flat_parameters.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <c10/core/MemoryFormat.h>
#include <c10/util/strides.h>

#include "parallel/transient_storage.h"

namespace trainyard::parallel {
namespace {

/// A view of elements [offset, offset + n) of a flat tensor, shaped as a parameter, in the memory format asked for.
at::Tensor slot_view(const at::Tensor& flat, const Slot& slot, at::IntArrayRef shape, config::MemoryFormat format) {
  const bool channels_last = format == config::MemoryFormat::kChannelsLast && shape.size() == 4;
  if (channels_last) return flat.as_strided(shape, c10::get_channels_last_strides_2d(shape), slot.offset);
  return flat.as_strided(shape, c10::contiguous_strides(shape), slot.offset);
}

std::vector<Bucket> layout_of(const models::Model& model, const FlatOptions& options) {
  std::vector<ParameterShape> shapes;
  for (const models::Parameter& parameter : model.parameters())
    shapes.push_back({parameter.tensor.scalar_type(), parameter.tensor.numel()});
  std::vector<models::Range> stages;
  for (const models::StageEntry& stage : model.stages())
    stages.push_back(stage.parameters);
  std::vector<Bucket> buckets =
      options.sharding.parameters ? stage_layout(shapes, stages) : bucket_layout(shapes, options.bucket_mb);
  pad_for_shards(buckets, options.sharding.ranks);
  return buckets;
}

/// Zeroes what lies between and behind the slots.
void zero_padding(const at::Tensor& flat, const Bucket& layout) {
  for (std::size_t i = 0; i < layout.slots.size(); ++i) {
    const std::int64_t begin = layout.slots[i].offset + layout.slots[i].elements;
    const std::int64_t end = i + 1 < layout.slots.size() ? layout.slots[i + 1].offset : layout.elements;
    if (begin < end) flat.narrow(0, begin, end - begin).zero_();
  }
}

}  // namespace

FlatParameters::FlatParameters(models::Model& model, const FlatOptions& options) : sharding_(options.sharding) {
  const c10::NoGradGuard no_grad;
  const auto& parameters = model.parameters();
  gradient_views_.resize(parameters.size());
  bucket_of_.resize(parameters.size());
  for (Bucket& layout : layout_of(model, options)) {
    const at::TensorOptions flat = at::TensorOptions(layout.dtype).device(parameters.front().tensor.device());
    FlatBucket bucket{layout, at::zeros({layout.elements}, flat), at::zeros({layout.elements}, flat), {}, {}, {}};
    for (const Slot& slot : layout.slots) {
      const at::Tensor& parameter = parameters[slot.parameter].tensor;
      at::Tensor view = slot_view(bucket.parameters, slot, parameter.sizes(), options.format);
      view.copy_(parameter);
      parameter.set_data(view);
      gradient_views_[slot.parameter] = slot_view(bucket.gradients, slot, parameter.sizes(), options.format);
      bucket_of_[slot.parameter] = buckets_.size();
    }
    bucket.parameter_shard = shard_of(bucket.parameters);
    bucket.gradient_shard = shard_of(bucket.gradients);
    if (sharding_.parameters) bucket.parameter_shard = bucket.parameter_shard.clone();
    if (sharding_.gradients) bucket.gradient_shard = bucket.gradient_shard.clone();
    bucket.master = layout.dtype == at::kFloat ? bucket.parameter_shard : bucket.parameter_shard.to(at::kFloat);
    buckets_.push_back(std::move(bucket));
    drop_gradients(buckets_.size() - 1);
  }
}

at::Tensor FlatParameters::shard_of(const at::Tensor& flat) const {
  if (sharding_.ranks == 1) return flat;
  const std::int64_t elements = flat.numel() / sharding_.ranks;
  return flat.narrow(0, sharding_.rank * elements, elements);
}

void FlatParameters::give_gradients(std::size_t bucket) {
  const FlatBucket& owner = buckets_[bucket];
  if (has_memory(owner.gradients)) return;
  give_memory(owner.gradients);
  zero_padding(owner.gradients, owner.layout);
}

void FlatParameters::drop_gradients(std::size_t bucket) {
  if (sharding_.gradients) take_memory(buckets_[bucket].gradients);
}

void FlatParameters::drop_parameters(std::size_t bucket) {
  if (sharding_.parameters) take_memory(buckets_[bucket].parameters);
}

void FlatParameters::adopt(FlatBucket& bucket) const {
  const c10::NoGradGuard no_grad;
  if (sharding_.parameters) bucket.parameter_shard.copy_(shard_of(bucket.parameters));
  if (!bucket.master.is_same(bucket.parameter_shard)) bucket.master.copy_(bucket.parameter_shard);
}

void FlatParameters::publish(FlatBucket& bucket) const {
  const c10::NoGradGuard no_grad;
  if (!bucket.master.is_same(bucket.parameter_shard)) bucket.parameter_shard.copy_(bucket.master);
}

}  // namespace trainyard::parallel
