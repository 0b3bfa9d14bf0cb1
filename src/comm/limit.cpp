#include "comm/limit.h"

#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <string>
#include <thread>

#include "core/error.h"
#include "core/signals.h"

namespace trainyard::comm {
namespace {

constexpr std::chrono::microseconds kSpin{20};
constexpr std::chrono::microseconds kFirstSleep{10};
constexpr std::chrono::microseconds kLongestSleep{200};
/// SIGKILL follows SIGTERM after 10 s (tools/launch tells mpirun so) or after Slurm's KillWait, 30 s.
constexpr std::chrono::duration<double> kTerminationGrace(3.0);

}  // namespace

void Limit::check(const Awaited& awaited) const {
  if (cancelled_ != nullptr && cancelled_->load(std::memory_order_relaxed))
    throw core::Error("given up, because this rank failed elsewhere");
  const auto now = std::chrono::steady_clock::now();
  // Both count: a peer may be slower by a part of a step, and still be alive.
  if (core::seconds_since_termination() > kTerminationGrace.count() &&
      now - (deadline_ - timeout_) > kTerminationGrace) {
    throw core::Error(fmt::format("asked to end (SIGTERM) while waiting {}; {}", awaited.what, awaited.why));
  }
  if (now < deadline_) return;
  const auto milliseconds = timeout_.count();
  const std::string waited =
      milliseconds % 1000 == 0 ? std::to_string(milliseconds / 1000) + " s" : std::to_string(milliseconds) + " ms";
  throw core::Error(std::string("still waiting ") + awaited.what + " after " + waited + "; " + awaited.why);
}

Backoff::Backoff() : spin_until_(std::chrono::steady_clock::now() + kSpin), sleep_(kFirstSleep) {}

void short_sleeps() {
  prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
}

std::chrono::microseconds Backoff::next() {
  if (std::chrono::steady_clock::now() < spin_until_) return std::chrono::microseconds(0);
  const std::chrono::microseconds sleep = sleep_;
  sleep_ = std::min(sleep_ * 3 / 2, kLongestSleep);
  return sleep;
}

void Backoff::pause() {
  if (const std::chrono::microseconds sleep = next(); sleep.count() > 0) std::this_thread::sleep_for(sleep);
}

}  // namespace trainyard::comm
