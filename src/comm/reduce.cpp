#include "comm/reduce.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "core/error.h"

namespace trainyard::comm {
namespace {

constexpr std::int64_t kBlock = 1024;  // elements in an accumulator: small enough for the first cache with its sources

/// @tparam Stored what lies in memory. @tparam Sum what is computed with.
template <class Stored, class Sum, class Combine>
void reduce_blocks(std::span<const std::byte* const> sources, std::span<std::byte* const> outputs, std::int64_t count,
                   Combine combine) {
  std::array<Sum, kBlock> sum;
  for (std::int64_t begin = 0; begin < count; begin += kBlock) {
    const auto length = static_cast<std::size_t>(std::min(kBlock, count - begin));
    const auto* first = reinterpret_cast<const Stored*>(sources[0]) + begin;
    for (std::size_t i = 0; i < length; ++i)
      sum[i] = static_cast<Sum>(first[i]);
    for (const std::byte* source : sources.subspan(1)) {
      const auto* next = reinterpret_cast<const Stored*>(source) + begin;
      for (std::size_t i = 0; i < length; ++i)
        sum[i] = combine(sum[i], static_cast<Sum>(next[i]));
    }
    for (std::byte* output : outputs) {
      auto* out = reinterpret_cast<Stored*>(output) + begin;
      if constexpr (std::is_same_v<Stored, Sum>)
        std::memcpy(out, sum.data(), length * sizeof(Stored));
      else
        for (std::size_t i = 0; i < length; ++i)
          out[i] = static_cast<Stored>(sum[i]);
    }
  }
}

template <class Stored, class Sum>
void reduce_as(std::span<const std::byte* const> sources, std::span<std::byte* const> outputs, std::int64_t count,
               ReduceOp op) {
  // A NaN wins over any number, as in LibTorch's own max and min: a diverged rank must show.
  const auto is_nan = [](Sum value) { return value != value; };
  switch (op) {
    case ReduceOp::kSum:
      return reduce_blocks<Stored, Sum>(sources, outputs, count, [](Sum a, Sum b) {
        if constexpr (std::is_integral_v<Sum>)  // wraps round, as LibTorch's own sums do
          return static_cast<Sum>(static_cast<std::make_unsigned_t<Sum>>(a) +
                                  static_cast<std::make_unsigned_t<Sum>>(b));
        else
          return a + b;
      });
    case ReduceOp::kMax:
      return reduce_blocks<Stored, Sum>(sources, outputs, count,
                                        [=](Sum a, Sum b) { return is_nan(a) || a > b ? a : b; });
    case ReduceOp::kMin:
      return reduce_blocks<Stored, Sum>(sources, outputs, count,
                                        [=](Sum a, Sum b) { return is_nan(a) || a < b ? a : b; });
  }
}

}  // namespace

bool is_reducible(at::ScalarType type) {
  return type == at::kFloat || type == at::kDouble || type == at::kHalf || type == at::kBFloat16 || type == at::kLong;
}

void reduce(std::span<const std::byte* const> sources, std::span<std::byte* const> outputs, std::int64_t count,
            at::ScalarType type, ReduceOp op) {
  switch (type) {
    case at::kFloat:
      return reduce_as<float, float>(sources, outputs, count, op);
    case at::kDouble:
      return reduce_as<double, double>(sources, outputs, count, op);
    case at::kHalf:
      return reduce_as<c10::Half, float>(sources, outputs, count, op);
    case at::kBFloat16:
      return reduce_as<c10::BFloat16, float>(sources, outputs, count, op);
    case at::kLong:
      return reduce_as<std::int64_t, std::int64_t>(sources, outputs, count, op);
    default:
      throw core::Error(std::string("all_reduce does not take ") + c10::toString(type) +
                        " tensors: float32, float64, float16, bfloat16 or int64");
  }
}

}  // namespace trainyard::comm
