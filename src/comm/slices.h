#pragma once

#include <cstdint>

namespace trainyard::comm {

/// The part of a tensor that one rank adds up for all: [begin, begin + count).
struct Slice {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

/// Rank `rank`'s part of `total` elements cut for `ranks`: as even as whole elements allow, the first ones longer.
constexpr Slice slice_of(std::int64_t total, int rank, int ranks) {
  const std::int64_t base = total / ranks;
  const std::int64_t longer = total % ranks;
  return {rank * base + (rank < longer ? rank : longer), base + (rank < longer ? 1 : 0)};
}

}  // namespace trainyard::comm
