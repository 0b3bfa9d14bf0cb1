#include "batch/supervise.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <system_error>

#include "batch/surroundings.h"
#include "core/error.h"

namespace trainyard::batch {
namespace {

/// Keeps these signals waiting for this thread to take them one by one.
class Waiting {
 public:
  Waiting() {
    sigemptyset(&signals_);
    for (const int signal : {SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2})
      sigaddset(&signals_, signal);
    sigprocmask(SIG_BLOCK, &signals_, &former_);
  }
  ~Waiting() { restore(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void restore() const { sigprocmask(SIG_SETMASK, &former_, nullptr); }
  siginfo_t take() const {
    siginfo_t info{};
    while (sigwaitinfo(&signals_, &info) < 0) {
      // Interrupted by a signal that is not one of these.
    }
    return info;
  }

 private:
  sigset_t signals_{};
  sigset_t former_{};
};

}  // namespace

int supervise(const LaunchPlan& plan) {
  const Waiting waiting;
  const pid_t child = fork();
  if (child < 0) throw core::Error("cannot start another process: " + std::generic_category().message(errno));
  if (child == 0) {
    waiting.restore();
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // it is not to go on when this process is killed
    try {
      execute(plan);
    } catch (const std::exception& error) {
      fmt::print(stderr, "launch: {}\n", error.what());
      std::_Exit(1);
    }
  }
  while (true) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child) {
      if (WIFEXITED(status)) return WEXITSTATUS(status);
      if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    }
    const siginfo_t info = waiting.take();
    const bool from_terminal = info.si_code == SI_KERNEL;
    if (info.si_signo != SIGCHLD && !from_terminal) kill(child, info.si_signo);
  }
}

}  // namespace trainyard::batch
