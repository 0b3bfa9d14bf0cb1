#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trainyard::core {

/// XXH3, 64 bits, seed 0 (https://xxhash.com). A checksum against accidents, not against an adversary.
std::uint64_t xxh3_64(std::string_view bytes);

/// 16 lower-case hexadecimal digits of xxh3_64, most significant first, as xxhsum prints them.
std::string xxh3_64_hex(std::string_view bytes);

}  // namespace trainyard::core
