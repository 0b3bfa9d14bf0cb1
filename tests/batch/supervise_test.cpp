#include "batch/supervise.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <string>

namespace trainyard::batch {
namespace {

LaunchPlan shell(const std::string& script) {
  return {.arguments = {"/bin/sh", "-c", script}, .environment = {{"GREETING", "hello"}}, .notes = {}};
}

TEST(Supervise, GivesTheCommandItsEnvironmentAndReturnsItsStatus) {
  EXPECT_EQ(supervise(shell("exit 0")), 0);
  EXPECT_EQ(supervise(shell("exit 41")), 41);
  EXPECT_EQ(supervise(shell("[ \"$GREETING\" = hello ] && exit 42")), 42);
}

TEST(Supervise, NamesTheSignalThatEndedTheCommandAsAShellDoes) {
  EXPECT_EQ(supervise(shell("kill -9 $$")), 128 + SIGKILL);
}

TEST(Supervise, PassesSignalsOnToTheCommand) {
  // The command itself asks its parent, which is this process, and goes on until it is asked.
  EXPECT_EQ(supervise(shell("trap 'exit 7' USR2; kill -USR2 $PPID; while :; do sleep 0.01; done")), 7);
}

TEST(Supervise, LeavesTheSignalsOfThisProcessAsTheyWere) {
  sigset_t before;
  sigset_t after;
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &before), 0);
  supervise(shell("exit 0"));
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &after), 0);
  for (const int signal : {SIGTERM, SIGCHLD, SIGUSR2})
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal));
}

}  // namespace
}  // namespace trainyard::batch
