#include "core/signals.h"

#include <cerrno>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

namespace {

std::atomic<std::atomic<std::int32_t>*> g_marked_word{nullptr};
std::atomic<std::int32_t> g_mark{0};

void mark_and_end(int signal) {
  if (std::atomic<std::int32_t>* word = g_marked_word.load()) word->store(g_mark.load());
  // SA_RESETHAND has put the default back; it acts when this handler returns.
  ::raise(signal);
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

TerminationMark::TerminationMark(std::atomic<std::int32_t>& word, std::int32_t value) {
  g_mark = value;
  g_marked_word = &word;
  struct sigaction action {};
  action.sa_handler = mark_and_end;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGTERM, &action, &former_) != 0) throw Error("cannot handle SIGTERM: " + system_error_text(errno));
}

TerminationMark::~TerminationMark() {
  ::sigaction(SIGTERM, &former_, nullptr);
  g_marked_word = nullptr;
}

}  // namespace trainyard::core
