#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/agreement.h"
#include "comm/communicator.h"
#include "comm/exchange_queue.h"
#include "comm/host_group.h"
#include "comm/host_transport.h"

namespace trainyard::comm {

/// A Communicator of host tensors over any HostTransport.
class HostCommunicator : public Communicator {
 public:
  HostCommunicator(std::unique_ptr<HostTransport> transport, const HostCommunicatorOptions& options);
  /// Carries out what was called, so that the other ranks do not hang, except while an exception unwinds or after an
  /// error: then it gives up at once.
  ~HostCommunicator() override;
  HostCommunicator(const HostCommunicator&) = delete;
  HostCommunicator& operator=(const HostCommunicator&) = delete;

  int rank() const override { return group_.rank(); }
  int size() const override { return group_.size(); }
  std::string backend() const override { return backend_; }
  std::shared_ptr<Work> all_reduce(at::Tensor tensor, ReduceOp op) override;
  std::shared_ptr<Work> broadcast(at::Tensor tensor, int root) override;
  std::shared_ptr<Work> all_gather(at::Tensor output, at::Tensor input) override;
  std::shared_ptr<Work> reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) override;
  std::shared_ptr<Work> exchange(std::vector<P2P> messages) override;
  void barrier() override;
  /// On the thread that made this one, which must live as long as the result.
  std::unique_ptr<Communicator> split(int color, int key) override;
  std::vector<CollectiveRecord> drain_ledger() override { return group_.ledger().drain(); }
  std::int64_t ledger_dropped() const override { return group_.ledger().dropped(); }

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

  const int exceptions_at_start_;
  HostGroup group_;
  const std::string backend_;
  std::optional<ExchangeQueue> exchanges_;
  int splits_ = 0;

  std::mutex mutex_;  ///< guards what follows
  std::condition_variable arrived_;
  std::deque<Job> jobs_;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace trainyard::comm
