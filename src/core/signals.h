#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

namespace trainyard::core {

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

/// While it lives, a SIGTERM leaves `value` in `word` and then ends the process as it would have without that. At most
/// one at a time.
class TerminationMark {
 public:
  TerminationMark(std::atomic<std::int32_t>& word, std::int32_t value);
  ~TerminationMark();
  TerminationMark(const TerminationMark&) = delete;
  TerminationMark& operator=(const TerminationMark&) = delete;

 private:
  struct sigaction former_ {};
};

}  // namespace trainyard::core
