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
  /// Of one collective, from its begin on the device; and before that, of what keeps the oldest from beginning.
  std::chrono::milliseconds deadline = std::chrono::minutes(10);
  /// Where its calls are recorded, and as whose; null: nowhere.
  std::shared_ptr<core::FlightRecorder> recorder = nullptr;
  std::string name = "data";
};

/// A Communicator of CUDA tensors over NCCL, on a high-priority stream of its own: a collective begins once the
/// caller's current stream has come to the point of the call. A watching thread looks for NCCL's asynchronous errors
/// and for the deadline, and aborts the communicator on either, which ends its kernels; every later call and wait()
/// throws. Neither the watcher nor a call waits for the device while the other needs the lock between them.
class NcclCommunicator : public Communicator {
 public:
  /// Collective. The ncclUniqueId travels over `control`. With `agreement` not null the ranks compare every call over
  /// it.
  NcclCommunicator(Communicator& control, std::unique_ptr<HostTransport> agreement, at::Device device,
                   const NcclCommunicatorOptions& options);
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
  std::shared_ptr<Work> reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) override;
  std::shared_ptr<Work> exchange(std::vector<P2P> messages) override;
  void barrier() override;
  std::unique_ptr<Communicator> split(int color, int key) override;
  std::vector<CollectiveRecord> drain_ledger() override;
  std::int64_t ledger_dropped() const override { return ledger_.dropped(); }

 private:
  friend class NcclWork;
  using Action = std::function<void(nccl::Comm&, cudaStream_t, const Limit&)>;

  NcclCommunicator(std::unique_ptr<nccl::Comm> comm, std::unique_ptr<HostTransport> agreement, at::Device device,
                   const NcclCommunicatorOptions& options);
  /// `messages`: of an exchange.
  std::shared_ptr<NcclWork> submit(Call call, std::vector<at::Tensor> tensors, const Action& action,
                                   std::vector<P2P> messages = {});
  void check_agreement(const NcclWork& work, const Limit& limit);
  std::string in_context(const NcclWork& work, const std::string& message) const;
  /// Takes passed collectives off the list and into the ledger. Under the lock.
  void harvest();
  /// Says in the ledger what the device is at now, after the list's front changed. Under the lock.
  void note_front();
  /// Notes the failure, lets go of the lock and aborts the communicator, which may wait for the device.
  void fail(std::unique_lock<std::mutex>& lock, std::string message);
  void throw_if_failed();
  void watch();
  /// Under the lock. @throws what is wrong with NCCL or with the oldest collective.
  void check_running();
  /// Only by the watcher, without the lock; never waits for the device.
  void renew_anchor();

  std::unique_ptr<nccl::Comm> comm_;  ///< guarded by mutex_; after a failure: only for whoever noted it
  const int rank_;
  const int size_;
  const at::Device device_;
  const NcclCommunicatorOptions options_;
  int exceptions_at_start_;
  std::unique_ptr<HostTransport> agreement_transport_;
  std::unique_ptr<AgreementCheck> agreement_;  ///< null: not checked
  c10::cuda::CUDAStream stream_;
  c10::cuda::CUDAStream anchor_stream_;      ///< always idle but for anchors
  std::shared_ptr<CudaAnchor> next_anchor_;  ///< the watcher's own: recorded, but the device has not come to it yet
  CudaEvent ready_{CudaEvent::Kind::kOrder};
  Ledger ledger_;
  int splits_ = 0;
  at::Tensor token_;  ///< what a barrier reduces

  std::mutex mutex_;  ///< guards comm_ and what follows
  std::shared_ptr<const CudaAnchor> anchor_;
  std::deque<std::shared_ptr<NcclWork>> running_;  ///< in order; keeps their tensors alive
  std::string failure_;                            ///< the first; empty: none
  bool stopping_ = false;
  std::condition_variable stop_;

  std::thread watcher_;
};

}  // namespace trainyard::comm
