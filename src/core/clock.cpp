#include "core/clock.h"

#include <chrono>

namespace trainyard::core {

namespace {

template <class Clock>
std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

}  // namespace

std::int64_t steady_ns() {
  return now_ns<std::chrono::steady_clock>();
}

std::int64_t unix_ns() {
  return now_ns<std::chrono::system_clock>();
}

}  // namespace trainyard::core
