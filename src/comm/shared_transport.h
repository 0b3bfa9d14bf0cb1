#pragma once

#include <pthread.h>

#include <array>
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
/// that find the others late sleep on futexes, so that waiting takes no core from a thread that computes. A rank that
/// dies shows within a fraction of a second. What travels between two ranks alone goes through the messages below.
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
    std::atomic<std::uint32_t> sleepers;  ///< ranks that sleep until `progress` moves; one killed asleep stays counted
    pthread_mutex_t alive;
  };

  /// A chunk's memory, of every rank at the same place. Slots are taken in turn.
  struct Slot {
    std::int64_t index;         ///< of kSlots
    std::uint32_t offered = 0;  ///< the step of every rank by which its part lay in its slot
    std::uint32_t reduced = 0;  ///< the same for the sums of its slice
  };
  /// An all-reduce under way.
  struct Reduction {
    std::byte* data;
    std::int64_t count;
    at::ScalarType type;
    ReduceOp op;
  };
  static constexpr int kSlots = 4;

  static std::int64_t chunk_bytes_for(int size);
  static std::size_t segment_bytes(int size);

  SharedTransport(std::unique_ptr<HostTransport> messages, SharedMemory memory, int rank, int size);

  Place& place(int rank) const;
  std::byte* memory_of(const Slot& slot, int rank) const;
  /// The next slot, once every rank is done with what it held.
  Slot take_slot(const Limit& limit);
  /// This rank is done with a slot.
  void release(const Slot& slot) { free_from_[static_cast<std::size_t>(slot.index)] = progress_ + 1; }
  /// What becomes of a chunk of an all-reduce: laid out for the others, the own slice summed, theirs fetched.
  Slot offer(const Reduction& chunk, const Limit& limit);
  void reduce_own_slice(const Reduction& chunk, Slot& slot, const Limit& limit);
  void fetch(const Reduction& chunk, const Slot& slot, const Limit& limit);
  /// Lays `fill` of a chunk into the own slot, waits for the others to have done so, and takes from their slots.
  template <class Fill, class Take>
  void share_chunk(const Limit& limit, Fill&& fill, Take&& take);
  /// One step more is completed. Returns its number.
  std::uint32_t publish();
  /// Until `rank` has completed `step`.
  void await(int rank, std::uint32_t step, const Limit& limit);
  template <class Behind>
  void sleep_until(Place& other, int rank, const Behind& behind, const Limit& limit);
  template <class Body>
  void or_give_up(Body&& body);

  std::unique_ptr<HostTransport> messages_;
  SharedMemory memory_;
  const int rank_;
  const int size_;
  const std::int64_t chunk_bytes_;
  std::uint32_t progress_ = 0;
  std::int64_t chunks_ = 0;
  std::array<std::uint32_t, kSlots> free_from_{};  ///< by slot: the step that shows that a rank is done with it
  std::optional<Liveness> liveness_;
};

}  // namespace trainyard::comm
