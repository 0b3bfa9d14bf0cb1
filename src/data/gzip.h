#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace trainyard::data {

/// What one gzip member inflates to.
/// @throws core::Error saying what is wrong with it; `name` is what to call it.
std::string gunzip(std::span<const std::uint8_t> compressed, const std::string& name);

/// What a zlib stream holds.
struct ZlibContent {
  std::string head;         ///< its first bytes, at most 64 KiB
  std::uint64_t bytes = 0;  ///< of all
};

/// Inflates one zlib stream to its end, checksum included, and keeps its beginning alone.
/// @throws core::Error as gunzip.
ZlibContent look_through(std::span<const std::uint8_t> compressed, const std::string& name);

}  // namespace trainyard::data
