#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/model.h"

namespace trainyard::parallel {

/// What a layout needs to know of one parameter.
struct ParameterShape {
  c10::ScalarType dtype = c10::kFloat;
  std::int64_t elements = 0;
};

/// Where one parameter lies in its bucket.
struct Slot {
  std::size_t parameter = 0;  ///< index in the model's order
  std::int64_t offset = 0;    ///< elements from the bucket's start; a multiple of kSlotAlignment
  std::int64_t elements = 0;
};

/// Parameters of one type that are reduced and stepped together, as one flat tensor.
struct Bucket {
  c10::ScalarType dtype = c10::kFloat;
  std::int64_t elements = 0;  ///< with padding
  std::vector<Slot> slots;
};

/// Elements. 16 float32 are one cache line and one AVX-512 register: every slot, and every shard, starts on one.
constexpr std::int64_t kSlotAlignment = 16;
/// MiB. Small, so that the first all-reduce starts early in backward, as PyTorch's DistributedDataParallel does.
constexpr double kFirstBucketMb = 1.0;

/// Cuts a model into buckets in reverse order of use, which is the order in which backward finishes gradients: the
/// first of at most kFirstBucketMb, then bucket_mb MiB each, one parameter at least. A change of type opens another
/// bucket, and parameters of the two types fill theirs side by side. A function of its arguments alone, so that a
/// resumed run sums in the same order.
std::vector<Bucket> bucket_layout(std::span<const ParameterShape> parameters, double bucket_mb);

/// One bucket for each type of each stage, the last stage first: what is gathered and freed together. stages: which
/// parameters are whose.
std::vector<Bucket> stage_layout(std::span<const ParameterShape> parameters, std::span<const models::Range> stages);

/// Lengthens every bucket by padding so that it cuts into `shards` equal parts that start on kSlotAlignment.
void pad_for_shards(std::vector<Bucket>& buckets, int shards);

}  // namespace trainyard::parallel
