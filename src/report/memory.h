#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

struct MemoryCategory {
  std::string_view id;     ///< the log's column without `_bytes`
  std::string_view title;  ///< for people
};

/// What a traced step's peak is made of, in the order of the log's columns.
inline constexpr std::array<MemoryCategory, 6> kMemoryCategories{{
    {"parameters", "parameters"},
    {"gradients", "gradients"},
    {"optimizer", "optimizer"},
    {"activations", "activations"},
    {"workspace", "workspace"},
    {"other", "other"},
}};

/// Phases of a traced step whose own peaks are known, in their order.
inline constexpr std::array<MemoryCategory, 3> kMemoryPhases{{
    {"forward_peak", "forward"},
    {"backward_peak", "backward"},
    {"optimizer_peak", "optimizer"},
}};

/// Bytes of tensors on one rank. Nothing where its log does not say.
struct RankMemory {
  std::int64_t rank = 0;
  std::optional<std::int64_t> peak_bytes;  ///< most at once in the whole start
  /// Of the traced step with the highest peak.
  std::array<std::optional<std::int64_t>, kMemoryCategories.size()> category_bytes;
  std::array<std::optional<std::int64_t>, kMemoryPhases.size()> phase_bytes;  ///< of the same step: its peak in each
};

inline constexpr const char* kMemoryRule =
    "Memory: bytes of tensors on one rank at once. Categories are those of the sampled step that had the highest peak; "
    "activations are what forward left for backward, workspace what the peak of the two added to that, other is the "
    "rest of the peak.";

/// By rank; ranks whose logs say nothing are left out.
std::vector<RankMemory> memory_of(const Start& start);

/// A part of what a rank held at most in one phase.
struct MemoryPart {
  std::string_view title;
  std::int64_t bytes = 0;
};

/// What it held in kMemoryPhases[phase]: parameters, gradients and optimizer state, which stay from step to step, and
/// the rest. Empty where the log does not say.
std::vector<MemoryPart> memory_parts(const RankMemory& memory, std::size_t phase);

/// The rank with the highest peak; nullptr where none has one.
const RankMemory* fullest(const std::vector<RankMemory>& ranks);

}  // namespace trainyard::report
