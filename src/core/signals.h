#pragma once

#include <signal.h>

#include <initializer_list>
#include <vector>

namespace trainyard::core {

/// While it lives, each of the given signals only counts itself; loops poll `received`. The former dispositions come
/// back with the destructor, counts start at 0 with the constructor. One watch a signal at a time: a second one throws
/// core::Error. System calls are restarted (SA_RESTART).
class SignalWatch {
 public:
  explicit SignalWatch(std::initializer_list<int> signals);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  /// How often the signal came since the watch began or was last cleared.
  int received(int signal) const;
  void clear(int signal);

 private:
  struct Former {
    int signal;
    struct sigaction action;
  };
  void restore() noexcept;
  std::vector<Former> former_;
};

/// Blocks every signal for the calling thread while it lives. Threads started meanwhile inherit that, so that helper
/// threads leave signals to the main thread.
class SignalBlock {
 public:
  SignalBlock();
  ~SignalBlock();
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  sigset_t former_;
};

}  // namespace trainyard::core
