#pragma once

#include <cstdint>

namespace trainyard::data {

/// Three channels of `count` pixels each, from [count][3] to [3][count]. The two do not overlap.
void deinterleave_three(const std::uint8_t* pixels, std::int64_t count, std::uint8_t* planes);

/// The way back, for any number of channels: [channels][count] to [count][channels].
void interleave(const std::uint8_t* planes, std::int64_t channels, std::int64_t count, std::uint8_t* pixels);

}  // namespace trainyard::data
