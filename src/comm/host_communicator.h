#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "comm/agreement.h"
#include "comm/communicator.h"
#include "comm/host_transport.h"

namespace trainyard::comm {

class HostWork;

struct HostCommunicatorOptions {
  /// One communication thread carries the collectives out, in the order of the calls, while the caller computes.
  /// Otherwise every call blocks on the caller's thread, which is quicker for small values.
  bool asynchronous = true;
  bool check_agreement = false;
  std::chrono::milliseconds deadline = std::chrono::minutes(10);  ///< of one collective
};

/// A Communicator of host tensors over any HostTransport.
class HostCommunicator : public Communicator {
 public:
  HostCommunicator(std::unique_ptr<HostTransport> transport, int rank, int size, HostCommunicatorOptions options);
  /// Carries out what was called, so that the other ranks do not hang, except while an exception unwinds or after an
  /// error: then it gives up at once.
  ~HostCommunicator() override;
  HostCommunicator(const HostCommunicator&) = delete;
  HostCommunicator& operator=(const HostCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string backend() const override { return transport_->name(); }
  std::shared_ptr<Work> all_reduce(at::Tensor tensor, ReduceOp op) override;
  std::shared_ptr<Work> broadcast(at::Tensor tensor, int root) override;
  std::shared_ptr<Work> all_gather(at::Tensor output, at::Tensor input) override;
  void barrier() override;
  std::vector<CollectiveRecord> drain_ledger() override { return ledger_.drain(); }
  std::int64_t ledger_dropped() const override { return ledger_.dropped(); }

 private:
  using Action = std::function<void(HostTransport&, const Limit&)>;
  struct Job {
    Call call;
    Action action;
    std::shared_ptr<HostWork> work;
  };

  std::shared_ptr<Work> submit(Call call, std::vector<at::Tensor> tensors, Action action);
  void run(Job& job);
  void serve();
  /// Keeps what unfinished requests may still touch, until the process ends.
  void abandon(std::span<const at::Tensor> tensors);

  const int rank_;
  const int size_;
  const HostCommunicatorOptions options_;
  std::unique_ptr<HostTransport> transport_;
  std::unique_ptr<AgreementCheck> agreement_;  ///< null: not checked
  Ledger ledger_;
  int exceptions_at_start_;

  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable arrived_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::string failure_;  ///< of the first collective that failed; empty: none

  std::thread thread_;
};

}  // namespace trainyard::comm
