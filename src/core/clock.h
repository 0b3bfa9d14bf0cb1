#pragma once

#include <cstdint>

namespace trainyard::core {

/// Nanoseconds of CLOCK_MONOTONIC: never steps back, counts from an arbitrary start, comparable within one machine.
std::int64_t steady_ns();

/// Nanoseconds since 1970-01-01 UTC; may step when the machine's time is corrected.
std::int64_t unix_ns();

}  // namespace trainyard::core
