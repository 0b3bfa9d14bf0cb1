#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace trainyard::core {

/// The whole content of a regular file of at most `max_bytes`. core::Error names the file when it is missing, a folder,
/// unreadable or larger.
std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{64} << 20);

}  // namespace trainyard::core
