#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "comm/ledger.h"
#include "comm/operation.h"
#include "comm/p2p.h"
#include "core/error.h"

namespace trainyard::comm {

/// A collective or exchange failed, mostly because another rank did not do its part.
class CollectiveError : public core::Error {
 public:
  using core::Error::Error;
};

/// One collective under way. Keeps its tensors alive; must not outlive its communicator.
class Work {
 public:
  virtual ~Work() = default;
  /// CPU: returns when the result is in the tensor. CUDA: orders the current stream after it, without blocking the
  /// host.
  /// @throws CollectiveError naming sequence number, operation and rank when it failed or its deadline passed.
  virtual void wait() = 0;
  /// True once the collective has ended, well or badly (on CUDA: on the device). Never blocks.
  virtual bool done() = 0;
  /// Only after done().
  virtual Interval interval() const = 0;
};

/// A group of ranks. Every rank calls the same collectives in the same order, from one thread. Tensors are contiguous,
/// dense (or permuted without gaps, as channels-last is), on this communicator's device, and have the same number of
/// elements on every rank. Collectives return at once, except where the class says otherwise; use Work::wait. The bits
/// of a result are the same on every rank. After an error the communicator refuses every further call.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string backend() const = 0;  ///< "mpi", "mpi+shm", "nccl" or "local" (one rank: nothing to do)

  /// In place: float32, float64, float16, bfloat16 or int64. The host backends add up in the order of the ranks, half
  /// types in float32 rounded once at the end.
  virtual std::shared_ptr<Work> all_reduce(at::Tensor tensor, ReduceOp op) = 0;
  /// In place, from root to all; any type.
  virtual std::shared_ptr<Work> broadcast(at::Tensor tensor, int root) = 0;
  /// output holds size() times input's elements, by rank; any type. input may be this rank's own block of output.
  virtual std::shared_ptr<Work> all_gather(at::Tensor output, at::Tensor input) = 0;
  /// input holds size() times output's elements, by rank: output becomes the sum (or another op) over the ranks of the
  /// blocks that are this rank's. Types, order and bits as all_reduce has them, so that a reduce_scatter and an
  /// all_gather give what an all_reduce gives. output may be this rank's own block of input; the rest of input is kept.
  virtual std::shared_ptr<Work> reduce_scatter(at::Tensor output, at::Tensor input, ReduceOp op) = 0;
  /// Messages that travel together, to and from any other ranks; any type. Only the ranks they name take part. Between
  /// two ranks messages match in the order of the calls, and within a call in the order of the list. Several exchanges
  /// may be under way at once, and collectives beside them. But on CUDA an operation begins when those before it have
  /// ended, and where the ranks check their agreement a call waits for its peers' calls: so put messages that need each
  /// other to proceed, as both directions between two ranks do, into one exchange.
  virtual std::shared_ptr<Work> exchange(std::vector<P2P> messages) = 0;
  /// Blocks until every rank came.
  virtual void barrier() = 0;
  /// Collective: cuts the group into one for each color (0 and more), ranked by key, then by rank here. Returns the
  /// group of this rank's color, of this one's kind and options; it is a "local" one if nobody else has the color, and
  /// goes through shared memory where its ranks share a node. Waits until every rank came. The result must not outlive
  /// the world it comes from, and collectives of groups that overlap must come in one order on all their ranks.
  virtual std::unique_ptr<Communicator> split(int color, int key) = 0;

  /// The collectives and exchanges that ended since the last call, in the order in which they were called, for the
  /// log's /collectives.
  virtual std::vector<CollectiveRecord> drain_ledger() = 0;
  /// How many records were lost so far because nobody drained the ledger in time: the log must say that it sampled.
  virtual std::int64_t ledger_dropped() const = 0;
};

}  // namespace trainyard::comm
