#include "support/mpi_main.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "comm/values.h"

namespace trainyard::test {
namespace {

constexpr std::chrono::seconds kTestLimit{60};
constexpr int kSkipped = 77;

std::optional<comm::World> g_world;

/// Names the test that hangs, and ends all ranks.
class Watchdog : public testing::EmptyTestEventListener {
 public:
  Watchdog() : thread_([this] { watch(); }) {}
  ~Watchdog() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

 private:
  void OnTestStart(const testing::TestInfo& info) override {
    set(std::string(info.test_suite_name()) + "." + info.name());
  }
  void OnTestEnd(const testing::TestInfo&) override { set("the end of the tests"); }

  void set(std::string running) {
    {
      const std::lock_guard lock(mutex_);
      running_ = std::move(running);
      ++generation_;
    }
    changed_.notify_all();
  }

  void watch() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const int generation = generation_;
      if (changed_.wait_for(lock, kTestLimit, [&] { return stopping_ || generation != generation_; })) continue;
      std::fprintf(stderr, "rank %d hangs in %s\n", world().rank, running_.c_str());
      comm::abort_ranks(1);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::string running_ = "the start of the tests";
  int generation_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

/// The printer of every rank but 0. It keeps the running test's name itself: GoogleTest holds the lock, behind which it
/// keeps it, while it reports a result.
class FailurePrinter : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& info) override {
    running_ = std::string(info.test_suite_name()) + "." + info.name();
  }
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::fprintf(stderr, "rank %d: %s:%d: %s\n%s\n", world().rank,
                 result.file_name() != nullptr ? result.file_name() : "", result.line_number(), running_.c_str(),
                 result.message());
  }

  std::string running_;
};

int run() {
  comm::BootstrapOptions options;
  options.device = config::DeviceKind::kCpu;
  g_world.emplace(comm::bootstrap(options));
  testing::TestEventListeners& listeners = testing::UnitTest::GetInstance()->listeners();
  if (world().rank != 0) {
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(std::make_unique<FailurePrinter>().release());  // GoogleTest owns its listeners
  }
  Watchdog* watchdog = std::make_unique<Watchdog>().release();
  listeners.Append(watchdog);
  const int status = RUN_ALL_TESTS();
  const testing::UnitTest& results = *testing::UnitTest::GetInstance();
  const bool ran = results.test_to_run_count() > results.skipped_test_count();
  std::array<std::int64_t, 2> outcome = {status, ran ? 1 : 0};
  comm::all_reduce(*world().control, outcome, comm::ReduceOp::kMax);
  delete listeners.Release(watchdog);
  g_world.reset();
  return outcome[0] != 0 ? 1 : outcome[1] != 0 ? 0 : kSkipped;
}

}  // namespace

comm::World& world() {
  return g_world.value();
}

}  // namespace trainyard::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    return trainyard::test::run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", argv[0], error.what());
    trainyard::comm::abort_ranks(1);
  }
}
