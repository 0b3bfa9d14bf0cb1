#pragma once

#include <turbojpeg.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

namespace trainyard::testing {

/// A JPEG file of planar pixels [channels][height][width], one channel (grey) or three; best quality, no subsampling.
inline std::vector<std::uint8_t> jpeg_file(const std::vector<std::uint8_t>& planes, int channels, int height,
                                           int width) {
  std::vector<std::uint8_t> pixels(planes.size());
  const std::size_t plane = static_cast<std::size_t>(height) * static_cast<std::size_t>(width);
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    for (std::size_t i = 0; i < plane; ++i)
      pixels[i * static_cast<std::size_t>(channels) + c] = planes[c * plane + i];
  }
  const std::unique_ptr<void, int (*)(void*)> compressor(::tjInitCompress(), ::tjDestroy);
  unsigned char* file = nullptr;
  unsigned long size = 0;
  const bool grey = channels == 1;
  if (::tjCompress2(compressor.get(), pixels.data(), width, 0, height, grey ? TJPF_GRAY : TJPF_RGB, &file, &size,
                    grey ? TJSAMP_GRAY : TJSAMP_444, 100, 0) != 0) {
    throw std::runtime_error(::tjGetErrorStr2(compressor.get()));
  }
  const std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(file, ::tjFree);
  return {file, file + size};
}

/// A smooth image, which a JPEG of best quality keeps within two grey levels.
inline std::vector<std::uint8_t> smooth_image(int channels, int height, int width, int phase = 0) {
  std::vector<std::uint8_t> planes;
  for (int c = 0; c < channels; ++c) {
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x)
        planes.push_back(static_cast<std::uint8_t>(40 + 30 * c + x + y + phase));
    }
  }
  return planes;
}

}  // namespace trainyard::testing
