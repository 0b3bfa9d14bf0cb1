#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trainyard::data {

/// A regular file of at most `most_bytes`, read into `buffer`, which keeps its memory for the next one.
/// @throws core::Error naming the file.
std::span<const std::uint8_t> read_small_file(const std::string& path, std::size_t most_bytes,
                                              std::vector<std::uint8_t>& buffer);

}  // namespace trainyard::data
