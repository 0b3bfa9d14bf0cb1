#pragma once

#include <atomic>
#include <chrono>

namespace trainyard::comm {

/// What is waited for and why it may not come, as Limit::check() words it.
struct Awaited {
  const char* what;
  const char* why;
};
inline constexpr Awaited kAnotherRank{"for another rank",
                                      "it died, hangs or never called this (its own log says which)"};

/// When waiting for other ranks has to stop: at the deadline, or once somebody cancels.
class Limit {
 public:
  explicit Limit(std::chrono::milliseconds timeout, const std::atomic<bool>* cancelled = nullptr)
      : timeout_(timeout), deadline_(std::chrono::steady_clock::now() + timeout), cancelled_(cancelled) {}

  /// @throws core::Error once the waiting has to stop: also some seconds after a SIGTERM, where the wait is as old.
  /// Launchers send one when a rank has died, for which its peers would wait in vain; where all ranks live their
  /// collectives end sooner.
  void check(const Awaited& awaited = kAnotherRank) const;

 private:
  std::chrono::milliseconds timeout_;
  std::chrono::steady_clock::time_point deadline_;
  const std::atomic<bool>* cancelled_;
};

/// Waits between polls of something that only moves when polled: at first not at all (a collective of small values
/// among ranks that are there takes microseconds), then asleep, so that the core goes to a thread that computes.
class Backoff {
 public:
  Backoff();
  /// How long to sleep before the next poll; zero at first.
  std::chrono::microseconds next();
  void pause();

 private:
  std::chrono::steady_clock::time_point spin_until_;
  std::chrono::microseconds sleep_;
};

/// Has this thread wake from a Backoff's sleeps about when asked: the kernel's default slack would double them.
void short_sleeps();

/// Calls ready() until it is true. @throws core::Error as Limit::check does.
template <class Ready>
void poll_until(Ready&& ready, const Limit& limit) {
  if (ready()) return;
  Backoff backoff;
  while (!ready()) {
    limit.check();
    backoff.pause();
  }
}

}  // namespace trainyard::comm
