#include "core/signals.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <new>
#include <thread>

namespace trainyard::core {
namespace {

TEST(SignalBlock, LeavesSignalsToTheMainThread) {
  const auto blocked = [](const sigset_t& mask) { return sigismember(&mask, SIGUSR2) == 1; };
  bool blocked_in_thread = false;
  {
    const SignalBlock block;
    std::thread([&] {
      sigset_t mask;
      blocked_in_thread = ::pthread_sigmask(SIG_BLOCK, nullptr, &mask) == 0 && blocked(mask);
    }).join();
  }
  EXPECT_TRUE(blocked_in_thread);
  sigset_t mask;
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
  EXPECT_FALSE(blocked(mask));
}

TEST(StopRequests, AreMadeBySignalsAndPolled) {
  {
    const StopRequests requests;
    EXPECT_EQ(stop_requested(), StopRequest::kNone);
    EXPECT_NO_THROW(check_stop_requests("testing"));
    ::raise(SIGUSR2);
    EXPECT_EQ(stop_requested(), StopRequest::kCheckpoint);
    EXPECT_LT(seconds_since_termination(), 0.0);
    EXPECT_THROW(check_stop_requests("testing"), Stopped);
    ::raise(SIGTERM);
    EXPECT_EQ(stop_requested(), StopRequest::kTerminate);
    EXPECT_GE(seconds_since_termination(), 0.0);
    ::raise(SIGUSR2);
    EXPECT_EQ(stop_requested(), StopRequest::kTerminate);
  }
  EXPECT_EQ(stop_requested(), StopRequest::kNone);
  EXPECT_LT(seconds_since_termination(), 0.0);
}

TEST(StopRequests, LeaveAMarkAtTheFirstSigtermAndEndAtTheSecond) {
  void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(shared, MAP_FAILED);
  auto& word = *new (shared) std::atomic<std::int32_t>(0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    StopRequests requests;
    requests.mark_termination(word, 7);
    ::raise(SIGTERM);
    word += 1;
    ::raise(SIGTERM);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << status;
  EXPECT_EQ(word, 7);  // left again by the second one
  ::munmap(shared, 4096);
}

}  // namespace
}  // namespace trainyard::core
