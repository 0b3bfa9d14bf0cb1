#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "comm/p2p.h"

namespace trainyard::comm {

/// What every communicator asks of its arguments before anything starts. Tensors are dense (nothing between their
/// elements) and on `device`; nullopt: on any one device.
/// @throws core::Error saying what the collective takes and what it got.
void check_all_reduce(const at::Tensor& tensor, std::optional<at::Device> device);
void check_broadcast(const at::Tensor& tensor, int root, int size, std::optional<at::Device> device);
/// As everywhere, `rank` and `size` are of this process and the group.
void check_all_gather(const at::Tensor& output, const at::Tensor& input, int rank, int size,
                      std::optional<at::Device> device);
void check_reduce_scatter(const at::Tensor& output, const at::Tensor& input, int rank, int size,
                          std::optional<at::Device> device);
void check_exchange(const std::vector<P2P>& messages, int rank, int size, std::optional<at::Device> device);
void check_split(int color);

}  // namespace trainyard::comm
