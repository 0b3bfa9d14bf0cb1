#pragma once

#include <cstdint>
#include <vector>

namespace trainyard::data {

/// Bilinear resizing of one 8-bit channel between square sizes, as Pillow's and so torchvision's Resize on images does:
/// pixel i of n new ones from m old ones has its centre at c = (i + 1/2) m / n; old pixel j weighs
/// max(0, 1 - |j + 1/2 - c| / s) with s = max(1, m / n), over the sum of these weights (so edges repeat, and shrinking
/// averages). First along the rows, rounded to 8 bits, then along the columns; weights are multiples of 2^-22.
class Resizer {
 public:
  Resizer(std::int64_t from, std::int64_t to);

  /// plane [from][from] to out [to][to]; `rows` is the caller's, for what lies between.
  void resize(const std::uint8_t* plane, std::vector<std::uint8_t>& rows, std::uint8_t* out) const;

 private:
  /// One new pixel: weights_[weights ...] times the old pixels first, first + 1, ...
  struct Window {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::int64_t weights = 0;
  };

  std::int64_t from_;
  std::int64_t to_;
  std::vector<Window> windows_;
  std::vector<std::int32_t> weights_;
};

}  // namespace trainyard::data
