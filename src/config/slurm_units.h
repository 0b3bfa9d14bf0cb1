#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trainyard::config {

/// The spellings of memory and time that sbatch takes, as numbers. Parsing throws core::UsageError without origin.

inline constexpr std::string_view kMemoryForm = "a whole number with M, G or T, like 16G";
inline constexpr std::string_view kTimeForm = "HH:MM:SS or D-HH:MM:SS";

std::int64_t parse_memory_mib(std::string_view text);

/// In the largest unit that divides it: "512M", "16G", "2T".
std::string format_memory_mib(std::int64_t memory_mib);

std::int64_t parse_time_s(std::string_view text);

/// "04:00:00", from a day on "1-00:00:00".
std::string format_time_s(std::int64_t time_s);

}  // namespace trainyard::config
