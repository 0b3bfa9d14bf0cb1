#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string>

#include "comm/limit.h"
#include "comm/mpi.h"
#include "comm/operation.h"

namespace trainyard::comm {

/// How host memory travels between ranks. Calls block, come from one thread at a time and in the same order on every
/// rank. After one throws, buffers handed to it may still be written to until the process ends.
class HostTransport {
 public:
  virtual ~HostTransport() = default;
  virtual std::string name() const = 0;
  /// The ranks themselves, and how messages travel between two of them (tags.h): that from any thread, at any time.
  virtual const mpi::Comm& comm() const = 0;

  /// In place over `count` elements, with reduce()'s order and bits.
  virtual void all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) = 0;
  virtual void broadcast(void* data, std::int64_t bytes, int root, const Limit& limit) = 0;
  /// output: size() blocks of `bytes`, by rank. input may be this rank's own block of output.
  virtual void all_gather(void* output, const void* input, std::int64_t bytes, const Limit& limit) = 0;
  /// input: size() blocks of `count` elements, by rank. output: this rank's blocks added up with reduce()'s order and
  /// bits; it may be this rank's own block of input.
  virtual void reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                              const Limit& limit) = 0;
  virtual void barrier(const Limit& limit) = 0;
  /// From any thread. @throws core::Error when `rank` is known to have died; most transports know of none.
  virtual void check_alive(int /*rank*/) {}
};

}  // namespace trainyard::comm
