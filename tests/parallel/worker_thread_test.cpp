#include "parallel/worker_thread.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace trainyard::parallel {
namespace {

TEST(WorkerThread, RunsOnePieceOfWorkAfterAnotherInOneThread) {
  WorkerThread worker;
  std::thread::id first;
  std::thread::id second;
  worker.start([&] { first = std::this_thread::get_id(); });
  worker.wait();
  worker.start([&] { second = std::this_thread::get_id(); });
  worker.wait();
  EXPECT_EQ(first, second);
  EXPECT_NE(first, std::this_thread::get_id());
}

TEST(WorkerThread, HandsOverWhatTheWorkThrewOnce) {
  WorkerThread worker;
  worker.start([] { throw std::runtime_error("broken"); });
  EXPECT_THROW(worker.wait(), std::runtime_error);
  worker.start([] {});
  EXPECT_NO_THROW(worker.wait());
}

TEST(WorkerThread, FinishesItsWorkBeforeItEnds) {
  bool done = false;
  {
    WorkerThread worker;
    worker.start([&] { done = true; });
  }
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace trainyard::parallel
