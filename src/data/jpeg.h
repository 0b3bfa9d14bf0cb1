#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

/// A JPEG decoder of libjpeg-turbo (slow-but-exact integer DCT and smooth upsampling, its defaults and Pillow's). One
/// thread uses one at a time; it keeps its memory between images.
class JpegDecoder {
 public:
  /// Writes the image as [3][height][width], red, green and blue; a greyscale file gives three equal planes.
  /// Nothing is allocated by what the file claims.
  /// @throws core::Error, one line that does not name the file, when `jpeg` is damaged, ends too early, has no
  ///         `shape.height` x `shape.width` pixels, or is neither colour nor greyscale.
  void decode(std::span<const std::uint8_t> jpeg, const ImageShape& shape, std::span<std::uint8_t> planes);

 private:
  struct Destroy {
    void operator()(void* handle) const;
  };
  [[noreturn]] void fail(const char* what);

  std::unique_ptr<void, Destroy> handle_;  ///< made when it is needed
  std::vector<std::uint8_t> pixels_;       ///< [height][width][3]
};

}  // namespace trainyard::data
