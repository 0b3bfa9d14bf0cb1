#include "parallel/bucket_layout.h"

#include <algorithm>
#include <map>

namespace trainyard::parallel {
namespace {

std::int64_t padded(std::int64_t elements) {
  return (elements + kSlotAlignment - 1) / kSlotAlignment * kSlotAlignment;
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
    bucket.slots.push_back({index, bucket.elements, parameter.elements});
    bucket.elements += padded(parameter.elements);
  }
  for (auto& [dtype, bucket] : open) {
    if (!bucket.slots.empty()) closed.push_back(std::move(bucket));
  }
  return closed;
}

}  // namespace trainyard::parallel
