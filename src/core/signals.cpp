#include "core/signals.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

namespace {

// A handler may touch only lock-free atomics.
static_assert(std::atomic<int>::is_always_lock_free);
std::array<std::atomic<int>, NSIG> counts;
std::array<std::atomic<bool>, NSIG> watched;

void count_signal(int signal) {
  counts[static_cast<std::size_t>(signal)].fetch_add(1, std::memory_order_relaxed);
}

std::size_t index_of(int signal) {
  if (signal <= 0 || signal >= NSIG) throw Error("there is no signal " + std::to_string(signal));
  return static_cast<std::size_t>(signal);
}

}  // namespace

SignalWatch::SignalWatch(std::initializer_list<int> signals) {
  former_.reserve(signals.size());
  try {
    for (const int signal : signals) {
      if (watched[index_of(signal)].exchange(true)) {
        throw Error("signal " + std::to_string(signal) + " is being watched already");
      }
      counts[index_of(signal)] = 0;
      struct sigaction action {};
      action.sa_handler = count_signal;
      action.sa_flags = SA_RESTART;
      sigemptyset(&action.sa_mask);
      Former former{signal, {}};
      if (::sigaction(signal, &action, &former.action) != 0) {
        watched[index_of(signal)] = false;
        throw Error("cannot watch signal " + std::to_string(signal) + ": " + system_error_text(errno));
      }
      former_.push_back(former);
    }
  } catch (...) {
    restore();
    throw;
  }
}

SignalWatch::~SignalWatch() {
  restore();
}

void SignalWatch::restore() noexcept {
  for (const Former& former : former_) {
    ::sigaction(former.signal, &former.action, nullptr);  // cannot fail: the signal and the action came from it
    watched[static_cast<std::size_t>(former.signal)] = false;
  }
}

int SignalWatch::received(int signal) const {
  return counts[index_of(signal)].load(std::memory_order_relaxed);
}

void SignalWatch::clear(int signal) {
  counts[index_of(signal)] = 0;
}

SignalBlock::SignalBlock() {
  sigset_t all;
  sigfillset(&all);
  if (const int error = ::pthread_sigmask(SIG_SETMASK, &all, &former_); error != 0) {
    throw Error("cannot block signals: " + system_error_text(error));
  }
}

SignalBlock::~SignalBlock() {
  ::pthread_sigmask(SIG_SETMASK, &former_, nullptr);
}

}  // namespace trainyard::core
