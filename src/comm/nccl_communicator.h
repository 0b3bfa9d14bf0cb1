#pragma once

#include <c10/core/Device.h>
#include <c10/cuda/CUDAStream.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "comm/agreement.h"
#include "comm/communicator.h"
#include "comm/cuda_event.h"
#include "comm/host_transport.h"
#include "comm/nccl.h"

namespace trainyard::comm {

class NcclWork;

struct NcclCommunicatorOptions {
  std::chrono::milliseconds deadline = std::chrono::minutes(10);  ///< of one collective, from its begin on the device
};

/// A Communicator of CUDA tensors over NCCL, on a high-priority stream of its own: a collective begins once the
/// caller's current stream has come to the point of the call. A watching thread looks for NCCL's asynchronous errors
/// and for the deadline, and aborts the communicator on either, which ends its kernels; every later call and wait()
/// throws.
class NcclCommunicator : public Communicator {
 public:
  /// Collective. The ncclUniqueId travels over `control`. With `agreement` not null the ranks compare every call over
  /// it.
  NcclCommunicator(Communicator& control, std::unique_ptr<HostTransport> agreement, at::Device device,
                   NcclCommunicatorOptions options);
  /// Waits for what was called and ends the communicator with the other ranks; while an exception unwinds or after an
  /// error it aborts instead.
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  std::string backend() const override { return "nccl"; }
  std::shared_ptr<Work> all_reduce(at::Tensor tensor, ReduceOp op) override;
  std::shared_ptr<Work> broadcast(at::Tensor tensor, int root) override;
  std::shared_ptr<Work> all_gather(at::Tensor output, at::Tensor input) override;
  void barrier() override;
  std::vector<CollectiveRecord> drain_ledger() override;
  std::int64_t ledger_dropped() const override { return ledger_.dropped(); }

 private:
  friend class NcclWork;
  using Action = std::function<void(nccl::Comm&, cudaStream_t, const Limit&)>;

  std::shared_ptr<NcclWork> submit(Call call, std::vector<at::Tensor> tensors, const Action& action);
  void require_device(const at::Tensor& tensor, Operation operation) const;
  std::string in_context(const Call& call, const std::string& message) const;
  /// Takes passed collectives off the list and into the ledger.
  void harvest(const std::lock_guard<std::mutex>& locked);
  void fail(const std::lock_guard<std::mutex>& locked, std::string message);
  void throw_if_failed();
  void watch();
  void check_running(const std::lock_guard<std::mutex>& locked);

  const int rank_;
  const int size_;
  const at::Device device_;
  const NcclCommunicatorOptions options_;
  int exceptions_at_start_;
  std::unique_ptr<HostTransport> agreement_transport_;
  std::unique_ptr<AgreementCheck> agreement_;  ///< null: not checked
  c10::cuda::CUDAStream stream_;
  c10::cuda::CUDAStream anchor_stream_;  ///< always idle but for anchors
  CudaEvent ready_{CudaEvent::Kind::kOrder};
  Ledger ledger_;
  at::Tensor token_;  ///< what a barrier reduces

  std::mutex mutex_;  ///< guards what follows
  nccl::Comm comm_;
  std::shared_ptr<const CudaAnchor> anchor_;
  std::deque<std::shared_ptr<NcclWork>> running_;  ///< in order; keeps their tensors alive
  std::string failure_;                            ///< the first; empty: none
  bool stopping_ = false;
  std::condition_variable stop_;

  std::thread watcher_;
};

}  // namespace trainyard::comm
