#include "core/signals.h"

#include <cerrno>
#include <string>

#include "core/clock.h"
#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

namespace {

std::atomic<std::int32_t> g_request{static_cast<std::int32_t>(StopRequest::kNone)};
std::atomic<std::int64_t> g_terminated_ns{-1};
std::atomic<std::atomic<std::int32_t>*> g_marked_word{nullptr};
std::atomic<std::int32_t> g_mark{0};

static_assert(std::atomic<std::int64_t>::is_always_lock_free && std::atomic<std::int32_t>::is_always_lock_free,
              "a signal handler uses them");

void request_checkpoint(int /*signal*/) {
  std::int32_t none = static_cast<std::int32_t>(StopRequest::kNone);
  g_request.compare_exchange_strong(none, static_cast<std::int32_t>(StopRequest::kCheckpoint));
}

void request_end(int signal) {
  const bool again = g_request.exchange(static_cast<std::int32_t>(StopRequest::kTerminate)) ==
                     static_cast<std::int32_t>(StopRequest::kTerminate);
  if (std::atomic<std::int32_t>* word = g_marked_word.load()) word->store(g_mark.load());
  if (!again) {
    g_terminated_ns = steady_ns();
    return;
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void handle(int signal, void (*handler)(int), struct sigaction& former) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(signal, &action, &former) != 0) {
    throw Error("cannot handle signals: " + system_error_text(errno));
  }
}

}  // namespace

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

StopRequests::StopRequests() {
  handle(SIGUSR2, request_checkpoint, former_usr2_);
  handle(SIGTERM, request_end, former_term_);
}

StopRequests::~StopRequests() {
  ::sigaction(SIGUSR2, &former_usr2_, nullptr);
  ::sigaction(SIGTERM, &former_term_, nullptr);
  g_marked_word = nullptr;
  g_request = static_cast<std::int32_t>(StopRequest::kNone);
  g_terminated_ns = -1;
}

void StopRequests::mark_termination(std::atomic<std::int32_t>& word, std::int32_t value) {
  g_mark = value;
  g_marked_word = &word;
}

StopRequest stop_requested() {
  return static_cast<StopRequest>(g_request.load(std::memory_order_relaxed));
}

double seconds_since_termination() {
  const std::int64_t since = g_terminated_ns.load(std::memory_order_relaxed);
  return since < 0 ? -1.0 : static_cast<double>(steady_ns() - since) * 1e-9;
}

void check_stop_requests(const char* doing) {
  if (stop_requested() != StopRequest::kNone) throw Stopped(std::string("asked to stop while ") + doing);
}

}  // namespace trainyard::core
