#include "parallel/replica_state.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "parallel/transient_storage.h"

namespace trainyard::parallel {
namespace {

/// Names in a saved state.
std::string parameter_name(const std::string& name) {
  return "parameters/" + name;
}
std::string buffer_name(const std::string& name) {
  return "buffers/" + name;
}
std::string element_state_name(std::string_view state, const std::string& parameter) {
  return fmt::format("optimizer/{}/{}", state, parameter);
}
std::string scalar_state_name(std::string_view state) {
  return fmt::format("optimizer/{}", state);
}
std::string scaler_name(const std::string& state) {
  return "scaler/" + state;
}

/// One bucket of a replica, with the names of what lies in it.
struct NamedBucket {
  const ReplicaParts& parts;
  const FlatBucket& bucket;

  template <class Use>
  void for_each_slot(Use&& use) const {
    for (const Slot& slot : bucket.layout.slots)
      use(slot, parts.model.parameters()[slot.parameter].name);
  }

  /// The pieces of a flat tensor as long as the bucket's shard: what of each parameter lies in it.
  template <class Name>
  void add_pieces(const at::Tensor& shard, Name&& name, std::vector<StatePiece>& pieces) const {
    const std::int64_t begin = parts.parameters.sharding().rank * shard.numel();
    const std::int64_t end = begin + shard.numel();
    for_each_slot([&](const Slot& slot, const std::string& parameter) {
      const std::int64_t first = std::max(slot.offset, begin);
      const std::int64_t last = std::min(slot.offset + slot.elements, end);
      if (first >= last) return;
      const at::Tensor& view = parts.parameters.gradient(slot.parameter);
      pieces.push_back({.name = name(parameter),
                        .shape = view.sizes().vec(),
                        .channels_last = !view.is_contiguous(),
                        .offset = first - slot.offset,
                        .values = shard.narrow(0, first - begin, last - first)});
    });
  }

  /// The bucket put together from whole tensors, in float32 on the CPU; padding is zero.
  template <class Name>
  at::Tensor flat(const StateReader& reader, Name&& name) const {
    at::Tensor flat = at::zeros({bucket.layout.elements}, at::TensorOptions(at::kFloat));
    for_each_slot([&](const Slot& slot, const std::string& parameter) {
      const at::Tensor& view = parts.parameters.gradient(slot.parameter);
      flat.as_strided(view.sizes(), view.strides(), slot.offset).copy_(reader.read(name(parameter), view.sizes()));
    });
    return flat;
  }

  void restore_parameters(const StateReader& reader) const {
    const at::Tensor whole = flat(reader, parameter_name);
    bucket.master.copy_(parts.parameters.shard_of(whole));
    bucket.parameter_shard.copy_(bucket.master);
    if (has_memory(bucket.parameters)) bucket.parameters.copy_(whole);
  }
};

StatePiece whole_piece(std::string name, const at::Tensor& tensor) {
  return {.name = std::move(name),
          .shape = tensor.sizes().vec(),
          .channels_last = false,
          .offset = 0,
          .values = tensor.detach().contiguous().view({-1})};
}

}  // namespace

std::vector<StatePiece> state_of(const ReplicaParts& parts, Spokesman spokesman) {
  const c10::NoGradGuard no_grad;
  std::vector<StatePiece> pieces;
  const std::vector<FlatBucket>& buckets = parts.parameters.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const NamedBucket named{parts, buckets[i]};
    const bool speaks = spokesman.tensors || parts.parameters.sharding().ranks > 1;
    if (speaks) named.add_pieces(buckets[i].master, parameter_name, pieces);
    for (const optim::OptimizerState& state : parts.optimizer.state(i)) {
      if (state.of_elements && speaks) {
        const auto name = [&](const std::string& parameter) { return element_state_name(state.name, parameter); };
        named.add_pieces(state.tensor, name, pieces);
      } else if (!state.of_elements && spokesman.scalars && i == 0) {
        pieces.push_back(whole_piece(scalar_state_name(state.name), state.tensor));
      }
    }
  }
  if (spokesman.tensors) {
    for (const models::NamedTensor& buffer : parts.model.buffers())
      pieces.push_back(whole_piece(buffer_name(buffer.name), buffer.tensor));
  }
  if (spokesman.scalars && parts.scaler != nullptr) {
    for (const models::NamedTensor& state : parts.scaler->state())
      pieces.push_back(whole_piece(scaler_name(state.name), state.tensor));
  }
  return pieces;
}

void restore(const ReplicaParts& parts, const StateReader& reader) {
  const c10::NoGradGuard no_grad;
  const auto take = [&](at::Tensor tensor, const std::string& name) {
    tensor.copy_(reader.read(name, tensor.sizes()));
  };
  const std::vector<FlatBucket>& buckets = parts.parameters.buckets();
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    const NamedBucket named{parts, buckets[i]};
    named.restore_parameters(reader);
    for (const optim::OptimizerState& state : parts.optimizer.state(i)) {
      if (!state.of_elements) {
        take(state.tensor, scalar_state_name(state.name));
        continue;
      }
      const auto name = [&](const std::string& parameter) { return element_state_name(state.name, parameter); };
      at::Tensor tensor = state.tensor;
      tensor.copy_(parts.parameters.shard_of(named.flat(reader, name)));
    }
  }
  for (const models::NamedTensor& buffer : parts.model.buffers())
    take(buffer.tensor, buffer_name(buffer.name));
  if (parts.scaler == nullptr) return;
  for (const models::NamedTensor& state : parts.scaler->state())
    take(state.tensor, scaler_name(state.name));
}

}  // namespace trainyard::parallel
