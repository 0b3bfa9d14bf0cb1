#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace trainyard::comm {

/// One message of an exchange: a dense tensor to or from another rank of the group. Both sides give the same type and
/// number of elements.
struct P2P {
  enum class Direction { kSend, kReceive };

  static P2P send(at::Tensor tensor, int to) { return {Direction::kSend, std::move(tensor), to}; }
  static P2P receive(at::Tensor tensor, int from) { return {Direction::kReceive, std::move(tensor), from}; }

  bool is_send() const { return direction == Direction::kSend; }

  Direction direction = Direction::kSend;
  at::Tensor tensor;
  int peer = 0;
};

/// As "exchange(sends 100 Float to rank 1, receives 50 Half from rank 3)".
std::string describe(const std::vector<P2P>& messages);
/// Sent and received together.
std::int64_t bytes_of(const std::vector<P2P>& messages);

}  // namespace trainyard::comm
