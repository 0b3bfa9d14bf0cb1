#pragma once

#include <signal.h>

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

}  // namespace trainyard::core
