#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace trainyard::parallel {

/// A thread of its own that runs one piece of work at a time.
class WorkerThread {
 public:
  WorkerThread();
  ~WorkerThread();
  WorkerThread(const WorkerThread&) = delete;
  WorkerThread& operator=(const WorkerThread&) = delete;

  /// Begins; wait() comes before the next one.
  void start(std::function<void()> work);
  /// Returns when the work is done, or throws what it threw.
  void wait();

 private:
  void serve();

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  std::function<void()> work_;
  bool busy_ = false;
  bool stopping_ = false;
  std::exception_ptr failure_;

  std::thread thread_;
};

}  // namespace trainyard::parallel
