#include "report/counts.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace trainyard::report {

template <class Number>
bool Counts::is_linear(std::span<const Number> values) {
  size_ = values.size();
  if (values.empty()) return true;
  first_ = static_cast<std::int64_t>(values.front());
  slope_ = size_ > 1 && values[1] == values[0] + 1 ? 1 : 0;
  std::size_t regular = 1;
  while (regular < size_ &&
         static_cast<std::int64_t>(values[regular]) == first_ + slope_ * static_cast<std::int64_t>(regular))
    ++regular;
  return regular == size_;
}

void Counts::own(std::vector<std::uint32_t> values) {
  const auto owned = std::make_shared<std::vector<std::uint32_t>>(std::move(values));
  narrow_ = *owned;
  owner_ = owned;
}

Counts::Counts(std::vector<std::uint32_t> values) {
  if (!is_linear(std::span<const std::uint32_t>(values))) own(std::move(values));
}

Counts::Counts(const std::vector<std::int64_t>& values) {
  if (is_linear(std::span<const std::int64_t>(values))) return;
  std::uint64_t bits = 0;  // of all of them: a negative one has the highest
  for (const std::int64_t value : values)
    bits |= static_cast<std::uint64_t>(value);
  if (bits <= std::numeric_limits<std::uint32_t>::max()) {
    own(std::vector<std::uint32_t>(values.begin(), values.end()));
  } else {
    const auto wide = std::make_shared<std::vector<std::int64_t>>(values);
    wide_ = *wide;
    owner_ = wide;
  }
}

Counts Counts::linear(std::size_t size, std::int64_t first, std::int64_t slope) {
  Counts counts;
  counts.size_ = size;
  counts.first_ = first;
  counts.slope_ = slope;
  return counts;
}

std::vector<std::int64_t> Counts::values() const {
  std::vector<std::int64_t> values(size_);
  for (std::size_t i = 0; i < size_; ++i)
    values[i] = (*this)[i];
  return values;
}

double Counts::sum(std::size_t begin, std::size_t end) const {
  if (!narrow_.empty()) {
    std::uint64_t sum = 0;  // of at most 2^32 values below 2^32
    for (std::size_t i = begin; i < end; ++i)
      sum += narrow_[i];
    return static_cast<double>(sum);
  }
  double sum = 0;
  if (wide_.empty() && slope_ == 0) return static_cast<double>(first_) * static_cast<double>(end - begin);
  for (std::size_t i = begin; i < end; ++i)
    sum += static_cast<double>((*this)[i]);
  return sum;
}

bool operator==(const Counts& a, const Counts& b) {
  if (a.size_ != b.size_) return false;
  if (a.narrow_.empty() && a.wide_.empty() && b.narrow_.empty() && b.wide_.empty()) {
    return a.size_ == 0 || (a.first_ == b.first_ && (a.slope_ == b.slope_ || a.size_ == 1));
  }
  for (std::size_t i = 0; i < a.size_; ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace trainyard::report
