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

}  // namespace trainyard::core
