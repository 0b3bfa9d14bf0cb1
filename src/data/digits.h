#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

/// The UCI optical digits that are embedded in the program (digits/README.md says whose they are): 1,797 images of 8 x
/// 8, 16 grey levels, 10 classes.
class Digits final : public ImageDataset {
 public:
  enum class Part { kTrain, kValidation };

  /// Every fifth image (index 4, 9, 14, ... of the file) is validation, 359 of them; the other 1,438 are training.
  explicit Digits(Part part);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override;

 private:
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> labels_;
};

/// One line of the digits file: 64 pixels in [0, 16] row by row, then the label in [0, 9].
struct DigitRow {
  std::array<std::uint8_t, 64> pixels{};
  std::uint8_t label = 0;
};

/// @throws core::Error naming the line when `csv` is not such a file.
std::vector<DigitRow> parse_digits(std::string_view csv);

}  // namespace trainyard::data
