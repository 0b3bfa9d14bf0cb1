#include "parallel/bucket_layout.h"

#include <algorithm>
#include <map>

namespace trainyard::parallel {
namespace {

std::int64_t round_up(std::int64_t elements, std::int64_t multiple) {
  return (elements + multiple - 1) / multiple * multiple;
}

void append(Bucket& bucket, std::size_t parameter, std::int64_t elements) {
  bucket.slots.push_back({parameter, bucket.elements, elements});
  bucket.elements += round_up(elements, kSlotAlignment);
}

}  // namespace

std::vector<Bucket> bucket_layout(std::span<const ParameterShape> parameters, double bucket_mb) {
  constexpr double kBytesPerMb = 1024.0 * 1024.0;
  std::vector<Bucket> closed;
  std::map<c10::ScalarType, Bucket> open;
  for (std::size_t index = parameters.size(); index-- > 0;) {
    const ParameterShape& parameter = parameters[index];
    Bucket& bucket = open[parameter.dtype];
    bucket.dtype = parameter.dtype;
    const double limit_mb = closed.empty() ? std::min(kFirstBucketMb, bucket_mb) : bucket_mb;
    const auto limit = static_cast<std::int64_t>(limit_mb * kBytesPerMb) /
                       static_cast<std::int64_t>(c10::elementSize(parameter.dtype));
    if (!bucket.slots.empty() && bucket.elements + parameter.elements > limit) {
      closed.push_back(std::move(bucket));
      bucket = Bucket{parameter.dtype, 0, {}};
    }
    append(bucket, index, parameter.elements);
  }
  for (auto& [dtype, bucket] : open) {
    if (!bucket.slots.empty()) closed.push_back(std::move(bucket));
  }
  return closed;
}

std::vector<Bucket> stage_layout(std::span<const ParameterShape> parameters, std::span<const models::Range> stages) {
  std::vector<Bucket> buckets;
  for (std::size_t stage = stages.size(); stage-- > 0;) {
    std::map<c10::ScalarType, Bucket> of_type;
    for (std::size_t index = stages[stage].end; index-- > stages[stage].begin;) {
      Bucket& bucket = of_type[parameters[index].dtype];
      bucket.dtype = parameters[index].dtype;
      append(bucket, index, parameters[index].elements);
    }
    for (auto& [dtype, bucket] : of_type)
      buckets.push_back(std::move(bucket));
  }
  return buckets;
}

void pad_for_shards(std::vector<Bucket>& buckets, int shards) {
  for (Bucket& bucket : buckets)
    bucket.elements = round_up(bucket.elements, shards * kSlotAlignment);
}

}  // namespace trainyard::parallel
