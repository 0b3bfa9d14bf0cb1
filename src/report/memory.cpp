#include "report/memory.h"

#include <algorithm>

namespace trainyard::report {
namespace {

using log::MemoryRow;

constexpr std::array<std::int64_t MemoryRow::*, kMemoryCategories.size()> kColumns{
    &MemoryRow::parameters_bytes,  &MemoryRow::gradients_bytes, &MemoryRow::optimizer_bytes,
    &MemoryRow::activations_bytes, &MemoryRow::workspace_bytes, &MemoryRow::other_bytes};

constexpr std::array<std::int64_t MemoryRow::*, kMemoryPhases.size()> kPhasePeakColumns{
    &MemoryRow::forward_peak_bytes, &MemoryRow::backward_peak_bytes, &MemoryRow::optimizer_peak_bytes};

/// More than any rank has: what a log claims beyond it is not believed. 1 PiB.
constexpr std::int64_t kMostBytes = std::int64_t{1} << 50;

std::optional<std::int64_t> known(std::int64_t bytes) {
  return bytes >= 0 && bytes <= kMostBytes ? std::optional(bytes) : std::nullopt;
}

/// What a step's categories make together; none where one of them is unknown. Logs of before there was a column for
/// the workspace have it in activations.
std::optional<std::int64_t> traced_peak(const MemoryRow& row) {
  std::int64_t sum = 0;
  for (const auto column : kColumns) {
    const auto bytes = known(row.*column);
    if (!bytes && column != &MemoryRow::workspace_bytes) return std::nullopt;
    sum += bytes.value_or(0);
  }
  return sum;
}

}  // namespace

std::vector<RankMemory> memory_of(const Start& start) {
  std::vector<RankMemory> ranks;
  for (const RankLog& log : start.ranks) {
    RankMemory memory;
    memory.rank = log.attributes.rank;
    std::optional<std::int64_t> highest;
    for (const MemoryRow& row : log.memory) {
      const auto peak = known(row.peak_bytes);
      if (peak) memory.peak_bytes = std::max(memory.peak_bytes.value_or(0), *peak);
      const auto traced = traced_peak(row);
      if (!traced || (highest && *traced <= *highest)) continue;
      highest = traced;
      for (std::size_t i = 0; i < kColumns.size(); ++i)
        memory.category_bytes[i] = known(row.*kColumns[i]);
      for (std::size_t i = 0; i < kPhasePeakColumns.size(); ++i)
        memory.phase_bytes[i] = known(row.*kPhasePeakColumns[i]);
    }
    if (memory.peak_bytes || highest) ranks.push_back(memory);
  }
  return ranks;
}

std::vector<MemoryPart> memory_parts(const RankMemory& memory, std::size_t phase) {
  constexpr std::size_t kHeld = 3;  // of the categories, those that stay
  const std::optional<std::int64_t> peak = memory.phase_bytes[phase];
  if (!peak) return {};
  std::vector<MemoryPart> parts;
  std::int64_t rest = *peak;
  for (std::size_t i = 0; i < kHeld; ++i) {
    // a phase may hold less than all of them: zero2 and zero3 give gradients back
    const std::int64_t bytes = std::min(memory.category_bytes[i].value_or(0), rest);
    parts.push_back({kMemoryCategories[i].title, bytes});
    rest -= bytes;
  }
  parts.push_back({"activations and the rest", rest});
  return parts;
}

const RankMemory* fullest(const std::vector<RankMemory>& ranks) {
  const auto found = std::max_element(ranks.begin(), ranks.end(), [](const RankMemory& a, const RankMemory& b) {
    return a.peak_bytes.value_or(-1) < b.peak_bytes.value_or(-1);
  });
  return found == ranks.end() ? nullptr : &*found;
}

}  // namespace trainyard::report
