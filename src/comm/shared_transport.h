#pragma once

#include <pthread.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "comm/host_transport.h"
#include "comm/liveness.h"
#include "comm/shared_memory.h"

namespace trainyard::comm {

/// For ranks of one node: collectives through shared memory, in chunks. Per chunk every rank lays what the others need
/// into its own slot, and takes what it needs straight from all slots: copies it, or adds it up in the order of the
/// ranks. An all-reduce adds up a slice a rank and copies the other slices from where their owners left them. Ranks
/// sleep on futexes, so that waiting takes no core from a thread that computes. A rank that dies shows within a
/// fraction of a second. What travels between two ranks alone goes through the messages below.
class SharedTransport : public HostTransport {
 public:
  /// Collective over the ranks of `messages`, which must share one node's memory. Returns `messages` itself when any
  /// rank cannot map the memory (a small /dev/shm, say).
  static std::unique_ptr<HostTransport> open_or(std::unique_ptr<HostTransport> messages, const Limit& limit);
  ~SharedTransport() override;

  std::string name() const override { return messages_->name() + "+shm"; }
  const mpi::Comm& comm() const override { return messages_->comm(); }
  void all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) override;
  void broadcast(void* data, std::int64_t bytes, int root, const Limit& limit) override;
  void all_gather(void* output, const void* input, std::int64_t bytes, const Limit& limit) override;
  void reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                      const Limit& limit) override;
  void barrier(const Limit& limit) override;
  void check_alive(int rank) override;

 private:
  struct alignas(128) Place {             // one per rank; a cache line pair of its own, since the others poll it
    std::atomic<std::uint32_t> progress;  ///< steps this rank has completed, over all calls; wraps round
    std::atomic<std::uint32_t> failed;    ///< 1 once this rank gave up
    pthread_mutex_t alive;
  };

  static std::int64_t chunk_bytes_for(int size);
  static std::size_t segment_bytes(int size);

  SharedTransport(std::unique_ptr<HostTransport> messages, SharedMemory memory, int rank, int size);

  Place& place(int rank) const;
  std::byte* slot(int rank) const;
  void reduce_chunk(std::byte* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit);
  /// Lays `fill` of a chunk into the own slot, waits for the others to have done so, and takes from their slots.
  template <class Fill, class Take>
  void share_chunk(const Limit& limit, Fill&& fill, Take&& take);
  void publish();
  /// Until `rank` has completed as many steps as this one.
  void await(int rank, const Limit& limit);
  template <class Body>
  void or_give_up(Body&& body);

  std::unique_ptr<HostTransport> messages_;
  SharedMemory memory_;
  const int rank_;
  const int size_;
  const std::int64_t chunk_bytes_;
  std::uint32_t progress_ = 0;
  std::uint32_t chunks_ = 0;
  std::optional<Liveness> liveness_;
};

}  // namespace trainyard::comm
