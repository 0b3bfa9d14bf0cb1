#include "core/signals.h"

#include <gtest/gtest.h>

#include <csignal>
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

}  // namespace
}  // namespace trainyard::core
