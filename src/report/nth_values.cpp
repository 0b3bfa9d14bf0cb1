#include "report/nth_values.h"

#include <algorithm>

namespace trainyard::report {
namespace {

Neighbours select(std::span<float> values, std::size_t n) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(n);
  std::nth_element(values.begin(), at, values.end());
  return {*at, *std::min_element(at + 1, values.end())};
}

}  // namespace

Neighbours NthValues::find(std::span<const float> values, std::size_t n) {
  near_.resize(values.size());
  std::size_t below = 0;
  std::size_t near = 0;
  for (const float value : values) {
    below += value < from_ ? 1 : 0;
    near_[near] = value;
    near += value >= from_ && value <= to_ ? 1 : 0;
  }
  if (n < below || n + 1 >= below + near) return find_among_all(values, n);
  const Neighbours found = select(std::span<float>(near_).first(near), n - below);
  const float half = (to_ - from_) / 2;
  from_ = found.low - half;
  to_ = found.low + half;
  return found;
}

Neighbours NthValues::find_among_all(std::span<const float> values, std::size_t n) {
  constexpr std::size_t kNearShare = 16;  // of all values, on each side
  near_.assign(values.begin(), values.end());
  const Neighbours found = select(near_, n);
  const std::size_t near = near_.size() / kNearShare;
  const auto at = near_.begin() + static_cast<std::ptrdiff_t>(n);
  const auto distance = static_cast<std::ptrdiff_t>(std::min(near, n));
  std::nth_element(near_.begin(), at - distance, at);
  from_ = *(at - distance);
  to_ = found.low + (found.low - from_);
  return found;
}

}  // namespace trainyard::report
