#include "comm/mpi_transport.h"

#include <algorithm>
#include <vector>

#include "comm/reduce.h"
#include "comm/slices.h"
#include "comm/tags.h"

namespace trainyard::comm {
namespace {

// A reduction goes through in pieces of this size: it bounds the scratch memory, which stays in the cache.
constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;

}  // namespace

std::byte* MpiTransport::scratch(std::int64_t bytes) {
  if (bytes > scratch_bytes_) {
    scratch_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
    scratch_bytes_ = bytes;
  }
  return scratch_.get();
}

void MpiTransport::reduce_parts(std::byte* output, std::span<const std::span<const std::byte>> parts,
                                at::ScalarType type, ReduceOp op, const Limit& limit) {
  const int ranks = comm_.size();
  const int self = comm_.rank();
  const std::span<const std::byte> own = parts[static_cast<std::size_t>(self)];
  const auto own_bytes = static_cast<std::int64_t>(own.size());
  std::byte* received = scratch(own_bytes * ranks);
  std::vector<const std::byte*> sources(static_cast<std::size_t>(ranks));

  mpi::Requests contributions;
  for (int rank = 0; rank < ranks; ++rank) {
    sources[static_cast<std::size_t>(rank)] = rank == self ? own.data() : received + rank * own_bytes;
    if (rank != self) comm_.irecv(received + rank * own_bytes, own_bytes, rank, kContribution, contributions);
  }
  for (int step = 1; step < ranks; ++step) {
    const int rank = (self + step) % ranks;  // not all to rank 0 at once
    const std::span<const std::byte> part = parts[static_cast<std::size_t>(rank)];
    comm_.isend(part.data(), static_cast<std::int64_t>(part.size()), rank, kContribution, contributions);
  }
  poll_until([&] { return contributions.test(); }, limit);

  std::byte* const outputs[] = {output};
  reduce(sources, outputs, own_bytes / static_cast<std::int64_t>(c10::elementSize(type)), type, op);
}

void MpiTransport::all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) {
  const auto width = static_cast<std::int64_t>(c10::elementSize(type));
  const int ranks = comm_.size();
  const int self = comm_.rank();
  const std::int64_t piece = kPieceBytes / width;
  std::vector<std::span<std::byte>> parts(static_cast<std::size_t>(ranks));
  for (std::int64_t begin = 0; begin < count; begin += piece) {
    auto* base = static_cast<std::byte*>(data) + begin * width;
    for (int rank = 0; rank < ranks; ++rank) {
      const Slice slice = slice_of(std::min(piece, count - begin), rank, ranks);
      parts[static_cast<std::size_t>(rank)] = {base + slice.begin * width,
                                               static_cast<std::size_t>(slice.count * width)};
    }
    const std::span<std::byte> own = parts[static_cast<std::size_t>(self)];
    const std::vector<std::span<const std::byte>> contributed(parts.begin(), parts.end());
    reduce_parts(own.data(), contributed, type, op, limit);

    mpi::Requests results;
    for (int step = 1; step < ranks; ++step) {
      const int rank = (self + step) % ranks;
      const std::span<std::byte> part = parts[static_cast<std::size_t>(rank)];
      comm_.irecv(part.data(), static_cast<std::int64_t>(part.size()), rank, kResult, results);
      comm_.isend(own.data(), static_cast<std::int64_t>(own.size()), rank, kResult, results);
    }
    poll_until([&] { return results.test(); }, limit);
  }
}

void MpiTransport::reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type, ReduceOp op,
                                  const Limit& limit) {
  const auto width = static_cast<std::int64_t>(c10::elementSize(type));
  const int ranks = comm_.size();
  const std::int64_t piece = std::max<std::int64_t>(1, kPieceBytes / width / ranks);
  std::vector<std::span<const std::byte>> parts(static_cast<std::size_t>(ranks));
  for (std::int64_t begin = 0; begin < count; begin += piece) {
    const auto bytes = static_cast<std::size_t>(std::min(piece, count - begin) * width);
    for (int rank = 0; rank < ranks; ++rank)
      parts[static_cast<std::size_t>(rank)] = {static_cast<const std::byte*>(input) + (rank * count + begin) * width,
                                               bytes};
    reduce_parts(static_cast<std::byte*>(output) + begin * width, parts, type, op, limit);
  }
}

void MpiTransport::broadcast(void* data, std::int64_t bytes, int root, const Limit& limit) {
  mpi::Requests requests;
  comm_.ibroadcast(data, bytes, root, requests);
  poll_until([&] { return requests.test(); }, limit);
}

void MpiTransport::all_gather(void* output, const void* input, std::int64_t bytes, const Limit& limit) {
  mpi::Requests requests;
  comm_.iall_gather(input, output, bytes, requests);
  poll_until([&] { return requests.test(); }, limit);
}

void MpiTransport::barrier(const Limit& limit) {
  mpi::Requests requests;
  comm_.ibarrier(requests);
  poll_until([&] { return requests.test(); }, limit);
}

}  // namespace trainyard::comm
