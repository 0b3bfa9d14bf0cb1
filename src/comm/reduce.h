#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "comm/operation.h"

namespace trainyard::comm {

/// Whether reduce() knows the type: float32, float64, float16, bfloat16, int64.
bool is_reducible(at::ScalarType type);

/// Elementwise over `count` elements: every output = sources[0] op sources[1] op ..., in that order, so that the result
/// has the same bits wherever it is computed. Half types are combined in float32 and rounded once at the end. An output
/// may be one of the sources; at least one source.
void reduce(std::span<const std::byte* const> sources, std::span<std::byte* const> outputs, std::int64_t count,
            at::ScalarType type, ReduceOp op);

}  // namespace trainyard::comm
