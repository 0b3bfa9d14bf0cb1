#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace trainyard::comm {

/// What every communicator asks of its arguments before anything starts. Tensors are dense (nothing between their
/// elements) and on `device`; nullopt: on any one device.
/// @throws core::Error saying what the collective takes and what it got.
void check_all_reduce(const at::Tensor& tensor, std::optional<at::Device> device);
void check_broadcast(const at::Tensor& tensor, int root, int size, std::optional<at::Device> device);
void check_all_gather(const at::Tensor& output, const at::Tensor& input, int size, std::optional<at::Device> device);

}  // namespace trainyard::comm
