#pragma once

#include <c10/core/ScalarType.h>
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstdint>
#include <string>
#include <vector>

#include "comm/limit.h"
#include "comm/operation.h"
#include "comm/p2p.h"

/// The only place that calls NCCL. Every failure throws core::Error with NCCL's own message.
namespace trainyard::comm::nccl {

/// Of the library that is loaded, "2.28.9".
std::string version();

/// A fresh ncclUniqueId, as bytes, for one rank to hand to all.
std::string unique_id();

/// A non-blocking NCCL communicator on the current device. Not thread-safe.
class Comm {
 public:
  /// Collective over the ranks that hold `id`; waits for them within `limit`.
  Comm(const std::string& id, int rank, int size, const Limit& limit);
  /// Those of the same color among `parent`'s ranks, in the order of their keys, then of their ranks. Collective over
  /// parent.
  Comm(Comm& parent, int color, int key, const Limit& limit);
  /// Aborts what is unfinished. Call finalize() first for an orderly end.
  ~Comm();
  Comm(const Comm&) = delete;
  Comm& operator=(const Comm&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// On the device, in the order of `stream`; counts are elements, sizes bytes.
  void all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, cudaStream_t stream,
                  const Limit& limit);
  void broadcast(void* data, std::int64_t bytes, int root, cudaStream_t stream, const Limit& limit);
  void all_gather(void* output, const void* input, std::int64_t bytes, cudaStream_t stream, const Limit& limit);
  /// count: elements of output.
  void reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                      cudaStream_t stream, const Limit& limit);
  /// All messages as one group.
  void exchange(const std::vector<P2P>& messages, cudaStream_t stream, const Limit& limit);

  /// Throws what NCCL found since: a peer that died, a network that failed.
  void check_health();
  /// Ends the communicator on all ranks together, after their collectives.
  void finalize(const Limit& limit);
  /// Ends it at once, collectives under way included; every later call throws.
  void abort() noexcept;

 private:
  void settle(ncclResult_t result, const char* call, const Limit& limit);
  [[noreturn]] void fail(ncclResult_t result, const char* call) const;

  ncclComm_t comm_ = nullptr;
  int rank_ = 0;
  int size_ = 0;
};

}  // namespace trainyard::comm::nccl
