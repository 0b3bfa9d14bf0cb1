#include "config/slurm_units.h"

#include <fmt/format.h>

#include <optional>
#include <vector>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

constexpr std::int64_t kMibPerGib = 1024;
constexpr std::int64_t kMibPerTib = 1024 * 1024;
constexpr std::int64_t kMaxMemoryMib = 64 * kMibPerTib;
constexpr std::int64_t kDay_s = 24 * 3600;
constexpr std::int64_t kMaxTime_s = 365 * kDay_s;

[[noreturn]] void refuse_units(std::string_view value, std::string_view form) {
  throw core::UsageError(fmt::format("'{}' is not allowed: {}", value, form));
}

/// One or two digits below `limit`.
std::optional<std::int64_t> clock_part(std::string_view text, std::int64_t limit) {
  if (text.empty() || text.size() > 2) return std::nullopt;
  const auto number = core::parse_int64(text);
  if (!number || *number < 0 || *number >= limit) return std::nullopt;
  return number;
}

}  // namespace

std::int64_t parse_memory_mib(std::string_view text) {
  std::string_view rest = text;
  if (rest.ends_with('B')) rest.remove_suffix(1);  // 16GB is 16G
  std::int64_t unit_mib = 0;
  if (rest.ends_with('M')) unit_mib = 1;
  if (rest.ends_with('G')) unit_mib = kMibPerGib;
  if (rest.ends_with('T')) unit_mib = kMibPerTib;
  if (unit_mib == 0) refuse_units(text, kMemoryForm);
  rest.remove_suffix(1);
  const auto number = core::parse_int64(rest);
  if (!number || *number < 1 || *number > kMaxMemoryMib / unit_mib) refuse_units(text, kMemoryForm);
  return *number * unit_mib;
}

std::string format_memory_mib(std::int64_t memory_mib) {
  if (memory_mib % kMibPerTib == 0) return fmt::format("{}T", memory_mib / kMibPerTib);
  if (memory_mib % kMibPerGib == 0) return fmt::format("{}G", memory_mib / kMibPerGib);
  return fmt::format("{}M", memory_mib);
}

std::int64_t parse_time_s(std::string_view text) {
  std::string_view clock = text;
  std::int64_t days = 0;
  if (const auto dash = text.find('-'); dash != std::string_view::npos) {
    const auto number = core::parse_int64(text.substr(0, dash));
    if (!number || *number < 0 || *number > kMaxTime_s / kDay_s) refuse_units(text, kTimeForm);
    days = *number;
    clock = text.substr(dash + 1);
  }
  const std::vector<std::string_view> parts = core::split(clock, ':');
  if (parts.size() != 3) refuse_units(text, kTimeForm);
  const auto hours = clock_part(parts[0], clock.size() == text.size() ? 100 : 24);
  const auto minutes = clock_part(parts[1], 60);
  const auto seconds = clock_part(parts[2], 60);
  if (!hours || !minutes || !seconds) refuse_units(text, kTimeForm);
  const std::int64_t time_s = days * kDay_s + *hours * 3600 + *minutes * 60 + *seconds;
  if (time_s < 60 || time_s > kMaxTime_s) refuse_units(text, "a time limit of 1 minute to 365 days");
  return time_s;
}

std::string format_time_s(std::int64_t time_s) {
  const std::int64_t days = time_s / kDay_s;
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", time_s % kDay_s / 3600, time_s % 3600 / 60, time_s % 60);
  return days == 0 ? clock : fmt::format("{}-{}", days, clock);
}

}  // namespace trainyard::config
