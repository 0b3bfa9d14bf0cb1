#pragma once

#include <condition_variable>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "comm/communicator.h"

namespace trainyard::comm {

/// An operation's outcome, handed from the thread that carries it out to the one that waits.
class HostWork : public Work {
 public:
  HostWork(std::vector<at::Tensor> tensors, std::int64_t enqueue_ns) : tensors_(std::move(tensors)) {
    interval_.enqueue_ns = enqueue_ns;
  }

  void wait() override {
    std::unique_lock lock(mutex_);
    ended_.wait(lock, [&] { return done_; });  // whoever carries it out holds the deadline
    if (!error_.empty()) throw CollectiveError(error_);
  }

  bool done() override {
    const std::lock_guard lock(mutex_);
    return done_;
  }

  Interval interval() const override {
    const std::lock_guard lock(mutex_);
    return interval_;
  }

  std::span<const at::Tensor> tensors() const { return tensors_; }

  void finish(std::int64_t start_ns, std::int64_t end_ns, std::string error) {
    {
      const std::lock_guard lock(mutex_);
      interval_.start_ns = start_ns;
      interval_.end_ns = end_ns;
      error_ = std::move(error);
      // Before anyone who waits goes on: a tensor that it then drops is free at once.
      if (error_.empty()) tensors_.clear();
      done_ = true;
    }
    ended_.notify_all();
  }

 private:
  std::vector<at::Tensor> tensors_;  ///< of an operation that has not succeeded
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool done_ = false;
  Interval interval_;
  std::string error_;
};

}  // namespace trainyard::comm
