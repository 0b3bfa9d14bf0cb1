#include "data/planes.h"

#include "data/vector_clones.h"

namespace trainyard::data {

namespace {

TRAINYARD_VECTOR_CLONES void split_three(const std::uint8_t* __restrict pixels, std::int64_t count,
                                         std::uint8_t* __restrict red, std::uint8_t* __restrict green,
                                         std::uint8_t* __restrict blue) {
  for (std::int64_t i = 0; i < count; ++i) {
    red[i] = pixels[3 * i];
    green[i] = pixels[3 * i + 1];
    blue[i] = pixels[3 * i + 2];
  }
}

}  // namespace

void deinterleave_three(const std::uint8_t* pixels, std::int64_t count, std::uint8_t* planes) {
  split_three(pixels, count, planes, planes + count, planes + 2 * count);
}

void interleave(const std::uint8_t* planes, std::int64_t channels, std::int64_t count, std::uint8_t* pixels) {
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t i = 0; i < count; ++i)
      pixels[i * channels + c] = planes[c * count + i];
  }
}

}  // namespace trainyard::data
