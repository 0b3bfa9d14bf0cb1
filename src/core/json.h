#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>

namespace trainyard::core {

/// Reads and parses a JSON file of at most `max_bytes`. core::Error names the file and the line and column of the
/// first mistake.
nlohmann::json read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::uint64_t{64} << 20);

}  // namespace trainyard::core
