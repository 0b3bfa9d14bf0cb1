#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

/// Images that are stored as JPEG files and decoded each time.
class JpegDataset : public ImageDataset {
 public:
  /// The sample's JPEG file: the data set's own memory, or `buffer` after it was read into.
  /// @throws core::Error naming the file.
  virtual std::span<const std::uint8_t> jpeg(std::int64_t index, std::vector<std::uint8_t>& buffer) const = 0;
  /// The file, as errors name it.
  virtual std::string file_name(std::int64_t index) const = 0;

  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const final;

 protected:
  using ImageDataset::ImageDataset;
};

}  // namespace trainyard::data
