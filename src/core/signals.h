#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>

#include "core/error.h"

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

/// What this process was asked for by signal.
enum class StopRequest : std::int32_t {
  kNone = 0,
  kCheckpoint = 1,  ///< SIGUSR2: save and end, as batch systems send before a time limit
  kTerminate = 2,   ///< SIGTERM: likewise, but SIGKILL follows soon
};

/// While it lives, SIGUSR2 and SIGTERM do no more than make a request, for loops to poll. A second SIGTERM ends the
/// process as it would have without this. At most one at a time.
class StopRequests {
 public:
  StopRequests();
  ~StopRequests();
  StopRequests(const StopRequests&) = delete;
  StopRequests& operator=(const StopRequests&) = delete;

  /// From now on a SIGTERM also leaves `value` in `word`, which must outlive this.
  void mark_termination(std::atomic<std::int32_t>& word, std::int32_t value);

 private:
  struct sigaction former_usr2_ {};
  struct sigaction former_term_ {};
};

/// The strongest request so far; kNone in a process without StopRequests.
StopRequest stop_requested();

/// Seconds since the first SIGTERM; negative where there was none.
double seconds_since_termination();

/// Exit status of a process that was asked to stop and did so in order: start it again, and it goes on. EX_TEMPFAIL of
/// sysexits.h.
inline constexpr int kStoppedStatus = 75;

/// Throw where a long wait or loop is given up because of a request.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// @throws Stopped once this process was asked to stop, saying what was going on.
void check_stop_requests(const char* doing);

}  // namespace trainyard::core
