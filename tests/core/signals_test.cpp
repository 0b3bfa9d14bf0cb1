#include "core/signals.h"

#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "core/error.h"

namespace trainyard::core {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(SignalWatch, CountsAndGivesBack) {
  static int seen_by_former = 0;
  std::signal(SIGUSR2, [](int) { ++seen_by_former; });
  {
    SignalWatch watch({SIGUSR2, SIGTERM});
    EXPECT_EQ(watch.received(SIGUSR2), 0);
    ::raise(SIGUSR2);
    ::raise(SIGUSR2);
    EXPECT_EQ(watch.received(SIGUSR2), 2);
    EXPECT_EQ(watch.received(SIGTERM), 0);
    watch.clear(SIGUSR2);
    EXPECT_EQ(watch.received(SIGUSR2), 0);
  }
  EXPECT_EQ(seen_by_former, 0);
  ::raise(SIGUSR2);
  EXPECT_EQ(seen_by_former, 1);
  EXPECT_EQ(SignalWatch({SIGUSR2}).received(SIGUSR2), 0);
  std::signal(SIGUSR2, SIG_DFL);
}

TEST(SignalWatch, RefusesTwoOfASignalAndWhatCannotBeCaught) {
  {
    const SignalWatch watch({SIGTERM});
    EXPECT_THAT([] { SignalWatch({SIGUSR2, SIGTERM}); }, ThrowsMessage<Error>(HasSubstr("already")));
  }
  EXPECT_THAT([] { SignalWatch({SIGUSR2, SIGKILL}); }, ThrowsMessage<Error>(HasSubstr("cannot watch signal 9")));
  EXPECT_THAT([] { SignalWatch({-1}); }, ThrowsMessage<Error>(HasSubstr("no signal -1")));
  EXPECT_NO_THROW(SignalWatch({SIGUSR2, SIGTERM}));  // what the failed ones took was given back
}

TEST(SignalBlock, LeavesSignalsToTheMainThread) {
  SignalWatch watch({SIGUSR2});
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
