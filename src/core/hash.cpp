#include "core/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace trainyard::core {

std::uint64_t xxh3_64(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

std::string xxh3_64_hex(std::string_view bytes) {
  return fmt::format("{:016x}", xxh3_64(bytes));
}

std::string xxh3_128_hex(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace trainyard::core
