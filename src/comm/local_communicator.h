#pragma once

#include "comm/communicator.h"

namespace trainyard::comm {

/// A group of one rank, on any device: every collective has ended when its call returns.
class LocalCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string backend() const override { return "local"; }
  std::shared_ptr<Work> all_reduce(at::Tensor tensor, ReduceOp op) override;
  std::shared_ptr<Work> broadcast(at::Tensor tensor, int root) override;
  std::shared_ptr<Work> all_gather(at::Tensor output, at::Tensor input) override;
  std::shared_ptr<Work> reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) override;
  std::shared_ptr<Work> exchange(std::vector<P2P> messages) override;
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key) override;
  std::vector<CollectiveRecord> drain_ledger() override { return ledger_.drain(); }
  std::int64_t ledger_dropped() const override { return ledger_.dropped(); }

 private:
  std::shared_ptr<Work> record(Operation operation, std::int64_t bytes, std::int64_t start_ns);

  Ledger ledger_;
};

}  // namespace trainyard::comm
