#include "comm/reduce.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "comm/slices.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

template <class T>
std::vector<T> reduced(const std::vector<std::vector<T>>& inputs, at::ScalarType type, ReduceOp op) {
  std::vector<const std::byte*> sources;
  for (const auto& input : inputs)
    sources.push_back(reinterpret_cast<const std::byte*>(input.data()));
  std::vector<T> first(inputs[0].size());
  std::vector<T> second(inputs[0].size());
  std::byte* const outputs[] = {reinterpret_cast<std::byte*>(first.data()),
                                reinterpret_cast<std::byte*>(second.data())};
  reduce(sources, outputs, static_cast<std::int64_t>(first.size()), type, op);
  EXPECT_TRUE(first == second);
  return first;
}

TEST(Reduce, AddsInOrder) {
  // (1e8 + 1) - 1e8 is 0 in float32; 1e8 - 1e8 + 1 is 1.
  EXPECT_EQ(reduced<float>({{1e8F}, {1.0F}, {-1e8F}}, at::kFloat, ReduceOp::kSum)[0], 0.0F);
  EXPECT_EQ(reduced<float>({{1e8F}, {-1e8F}, {1.0F}}, at::kFloat, ReduceOp::kSum)[0], 1.0F);
  EXPECT_EQ(reduced<double>({{1e8}, {1.0}, {-1e8}}, at::kDouble, ReduceOp::kSum)[0], 1.0);
}

TEST(Reduce, HalfTypesAreAddedInFloat) {
  using c10::BFloat16;
  using c10::Half;
  EXPECT_EQ(static_cast<float>(reduced<Half>({{Half(2048)}, {Half(1)}, {Half(1)}}, at::kHalf, ReduceOp::kSum)[0]),
            2050.0F);
  EXPECT_EQ(static_cast<float>(
                reduced<BFloat16>({{BFloat16(256)}, {BFloat16(1)}, {BFloat16(1)}}, at::kBFloat16, ReduceOp::kSum)[0]),
            258.0F);
  EXPECT_EQ(
      static_cast<float>(reduced<Half>({{Half(60000)}, {Half(60000)}, {Half(-60000)}}, at::kHalf, ReduceOp::kSum)[0]),
      60000.0F)
      << "no overflow on the way";
}

TEST(Reduce, Integers) {
  using Values = std::vector<std::int64_t>;
  EXPECT_EQ(reduced<std::int64_t>({{1, -5}, {2, 7}}, at::kLong, ReduceOp::kMax), (Values{2, 7}));
  EXPECT_EQ(reduced<std::int64_t>({{1, -5}, {2, 7}}, at::kLong, ReduceOp::kMin), (Values{1, -5}));
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(reduced<std::int64_t>({{kMost}, {1}}, at::kLong, ReduceOp::kSum)[0],
            std::numeric_limits<std::int64_t>::min());
}

TEST(Reduce, OneSourceIsCopied) {
  EXPECT_EQ(reduced<float>({{3.0F, 4.0F}}, at::kFloat, ReduceOp::kSum), (std::vector<float>{3.0F, 4.0F}));
}

TEST(Reduce, RefusesOtherTypes) {
  EXPECT_FALSE(is_reducible(at::kInt));
  const float value = 0;
  const std::byte* const sources[] = {reinterpret_cast<const std::byte*>(&value)};
  EXPECT_THROW(reduce(sources, {}, 1, at::kInt, ReduceOp::kSum), core::Error);
}

TEST(Slices, CoverEverythingOnceAndEvenly) {
  for (const std::int64_t total : {0, 1, 2, 5, 16, 1003})
    for (int ranks = 1; ranks <= 7; ++ranks) {
      std::int64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        const Slice slice = slice_of(total, rank, ranks);
        EXPECT_EQ(slice.begin, next);
        EXPECT_GE(slice.count, total / ranks);
        EXPECT_LE(slice.count, total / ranks + 1);
        next += slice.count;
      }
      EXPECT_EQ(next, total);
    }
}

}  // namespace
}  // namespace trainyard::comm
