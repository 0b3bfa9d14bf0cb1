#include "comm/mpi_transport.h"

#include <algorithm>
#include <vector>

#include "comm/reduce.h"
#include "comm/slices.h"

namespace trainyard::comm {
namespace {

// Tags of the two steps of an all-reduce. Between two ranks messages of one tag keep their order.
constexpr int kContribution = 1;
constexpr int kResult = 2;

// An all-reduce goes through in pieces of this size: it bounds the scratch memory, which stays in the cache.
constexpr std::int64_t kPieceBytes = std::int64_t{4} << 20;

}  // namespace

std::byte* MpiTransport::scratch(std::int64_t bytes) {
  if (bytes > scratch_bytes_) {
    scratch_ = std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(bytes));
    scratch_bytes_ = bytes;
  }
  return scratch_.get();
}

void MpiTransport::all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) {
  const auto width = static_cast<std::int64_t>(c10::elementSize(type));
  const int ranks = comm_.size();
  const int self = comm_.rank();
  const std::int64_t piece = kPieceBytes / width;
  std::vector<const std::byte*> sources(static_cast<std::size_t>(ranks));
  for (std::int64_t begin = 0; begin < count; begin += piece) {
    auto* base = static_cast<std::byte*>(data) + begin * width;
    const std::int64_t length = std::min(piece, count - begin);
    const Slice own = slice_of(length, self, ranks);
    const std::int64_t own_bytes = own.count * width;
    std::byte* own_data = base + own.begin * width;
    std::byte* received = scratch(own_bytes * ranks);

    mpi::Requests contributions;
    for (int rank = 0; rank < ranks; ++rank) {
      sources[static_cast<std::size_t>(rank)] = rank == self ? own_data : received + rank * own_bytes;
      if (rank != self) comm_.irecv(received + rank * own_bytes, own_bytes, rank, kContribution, contributions);
    }
    for (int step = 1; step < ranks; ++step) {
      const int rank = (self + step) % ranks;  // not all to rank 0 at once
      const Slice slice = slice_of(length, rank, ranks);
      comm_.isend(base + slice.begin * width, slice.count * width, rank, kContribution, contributions);
    }
    poll_until([&] { return contributions.test(); }, limit);

    std::byte* const outputs[] = {own_data};
    reduce(sources, outputs, own.count, type, op);

    mpi::Requests results;
    for (int step = 1; step < ranks; ++step) {
      const int rank = (self + step) % ranks;
      const Slice slice = slice_of(length, rank, ranks);
      comm_.irecv(base + slice.begin * width, slice.count * width, rank, kResult, results);
      comm_.isend(own_data, own_bytes, rank, kResult, results);
    }
    poll_until([&] { return results.test(); }, limit);
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
