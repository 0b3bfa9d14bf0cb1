#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "comm/host_transport.h"
#include "comm/mpi.h"

namespace trainyard::comm {

/// Over MPI messages. An all-reduce is a direct exchange: every rank gets the others' versions of its slice, adds them
/// up in the order of the ranks and sends the sum back, so that 2 (n-1)/n of the tensor leaves each rank, as in a ring,
/// in two steps instead of 2 (n-1), at the price of n-1 messages a step: made for tens of ranks, not for thousands.
class MpiTransport : public HostTransport {
 public:
  explicit MpiTransport(mpi::Comm comm) : comm_(std::move(comm)) {}

  std::string name() const override { return "mpi"; }
  const mpi::Comm& comm() const override { return comm_; }
  void all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) override;
  void broadcast(void* data, std::int64_t bytes, int root, const Limit& limit) override;
  void all_gather(void* output, const void* input, std::int64_t bytes, const Limit& limit) override;
  void reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                      const Limit& limit) override;
  void barrier(const Limit& limit) override;

 private:
  /// One step of a reduction. parts: this rank's contribution to each rank's part of the result, by rank; all ranks
  /// contribute as many bytes to a part. Adds up what is contributed to this rank's own into `output`.
  void reduce_parts(std::byte* output, std::span<const std::span<const std::byte>> parts, at::ScalarType type,
                    ReduceOp op, const Limit& limit);
  /// At least `bytes` of memory that stays until the next call.
  std::byte* scratch(std::int64_t bytes);

  mpi::Comm comm_;
  std::unique_ptr<std::byte[]> scratch_;
  std::int64_t scratch_bytes_ = 0;
};

}  // namespace trainyard::comm
