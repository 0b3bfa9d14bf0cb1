#include "comm/shared_transport.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "comm/reduce.h"
#include "comm/slices.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

constexpr std::int64_t kLargestChunk = std::int64_t{2} << 20;
constexpr std::int64_t kSmallestChunk = std::int64_t{1} << 14;
constexpr std::int64_t kLargestSegment = std::int64_t{32} << 20;  // half of what a container's /dev/shm usually has
constexpr int kSlots = 2;  // a rank fills one while slower ranks still read the other; see reduce_chunk

constexpr int kSpins = 200;                                  // looks before sleeping: about a microsecond
constexpr std::chrono::milliseconds kLivenessInterval{100};  // between two looks at a silent rank

}  // namespace

std::int64_t SharedTransport::chunk_bytes_for(int size) {
  const std::int64_t fitting = kLargestSegment / (kSlots * size);
  return std::clamp(fitting / 128 * 128, kSmallestChunk, kLargestChunk);
}

std::size_t SharedTransport::segment_bytes(int size) {
  return static_cast<std::size_t>(size) * (sizeof(Place) + static_cast<std::size_t>(kSlots * chunk_bytes_for(size)));
}

std::unique_ptr<HostTransport> SharedTransport::open_or(std::unique_ptr<HostTransport> messages, const Limit& limit) {
  const int rank = messages->comm().rank();
  const int size = messages->comm().size();
  const auto all_can = [&](bool can) {
    std::int64_t least = can ? 1 : 0;
    messages->all_reduce(&least, 1, at::kLong, ReduceOp::kMin, limit);
    return least == 1;
  };

  std::uint64_t key = 0;
  if (rank == 0) {
    std::random_device random;
    key = (std::uint64_t{random()} << 32) | random();
  }
  messages->broadcast(&key, sizeof(key), 0, limit);
  const std::string name = "/trainyard-" + std::to_string(key);

  // Each step is agreed on before the next, so that either every rank takes the shared memory or none does.
  std::unique_ptr<SharedTransport> transport;
  const auto open = [&](bool create) {
    try {
      SharedMemory memory =
          create ? SharedMemory::create(name, segment_bytes(size)) : SharedMemory::open(name, segment_bytes(size));
      if (create)
        for (int i = 0; i < size; ++i)
          Liveness::prepare((new (memory.data() + static_cast<std::size_t>(i) * sizeof(Place)) Place)->alive);
      transport.reset(new SharedTransport(nullptr, std::move(memory), rank, size));
      return true;
    } catch (const core::Error&) {
      return false;  // messages do the same work, slower; backend() tells
    }
  };
  bool usable = all_can(rank != 0 || open(true));
  if (usable) usable = all_can(rank == 0 || open(false));
  if (rank == 0) SharedMemory::unlink(name);
  if (!usable) return messages;
  transport->messages_ = std::move(messages);
  return transport;
}

SharedTransport::SharedTransport(std::unique_ptr<HostTransport> messages, SharedMemory memory, int rank, int size)
    : messages_(std::move(messages)),
      memory_(std::move(memory)),
      rank_(rank),
      size_(size),
      chunk_bytes_(chunk_bytes_for(size)) {
  liveness_.emplace(place(rank_).alive);
}

SharedTransport::~SharedTransport() = default;

SharedTransport::Place& SharedTransport::place(int rank) const {
  return *std::launder(reinterpret_cast<Place*>(memory_.data() + static_cast<std::size_t>(rank) * sizeof(Place)));
}

std::byte* SharedTransport::slot(int rank) const {
  std::byte* first = memory_.data() + static_cast<std::size_t>(size_) * sizeof(Place);
  return first + (rank * kSlots + chunks_ % kSlots) * chunk_bytes_;
}

void SharedTransport::all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) {
  or_give_up([&] {
    const auto width = static_cast<std::int64_t>(c10::elementSize(type));
    const std::int64_t chunk = chunk_bytes_ / width;
    for (std::int64_t begin = 0; begin < count; begin += chunk)
      reduce_chunk(static_cast<std::byte*>(data) + begin * width, std::min(chunk, count - begin), type, op, limit);
  });
}

void SharedTransport::reduce_chunk(std::byte* data, std::int64_t count, at::ScalarType type, ReduceOp op,
                                   const Limit& limit) {
  const auto width = static_cast<std::int64_t>(c10::elementSize(type));
  const Slice own = slice_of(count, rank_, size_);
  const auto copy = [width](std::byte* to, const std::byte* from, std::int64_t begin, std::int64_t elements) {
    std::memcpy(to + begin * width, from + begin * width, static_cast<std::size_t>(elements * width));
  };

  std::byte* own_slot = slot(rank_);
  copy(own_slot, data, 0, own.begin);
  copy(own_slot, data, own.begin + own.count, count - own.begin - own.count);
  publish();

  std::vector<const std::byte*> sources(static_cast<std::size_t>(size_));
  for (int rank = 0; rank < size_; ++rank) {
    await(rank, limit);
    sources[static_cast<std::size_t>(rank)] = (rank == rank_ ? data : slot(rank)) + own.begin * width;
  }
  std::byte* const outputs[] = {data + own.begin * width, own_slot + own.begin * width};
  reduce(sources, outputs, own.count, type, op);
  publish();

  for (int step = 1; step < size_; ++step) {
    const int rank = (rank_ + step) % size_;
    await(rank, limit);
    const Slice slice = slice_of(count, rank, size_);
    copy(data, slot(rank), slice.begin, slice.count);
  }
  ++chunks_;
}

// Two slots suffice without a further step that says "read": a rank that fills a slot again has waited in the next
// chunk until every rank had begun that one, and so was done with reading this one. That is why every rank waits for
// every other once a chunk, also where it takes nothing from it.
template <class Fill, class Take>
void SharedTransport::share_chunk(const Limit& limit, Fill&& fill, Take&& take) {
  fill(slot(rank_));
  publish();
  for (int step = 1; step <= size_; ++step) {
    const int rank = (rank_ + step) % size_;
    await(rank, limit);
    take(rank, slot(rank));
  }
  ++chunks_;
}

void SharedTransport::broadcast(void* data, std::int64_t bytes, int root, const Limit& limit) {
  or_give_up([&] {
    for (std::int64_t begin = 0; begin < bytes; begin += chunk_bytes_) {
      auto* part = static_cast<std::byte*>(data) + begin;
      const auto length = static_cast<std::size_t>(std::min(chunk_bytes_, bytes - begin));
      share_chunk(
          limit,
          [&](std::byte* own_slot) {
            if (rank_ == root) std::memcpy(own_slot, part, length);
          },
          [&](int rank, const std::byte* other) {
            if (rank == root && rank != rank_) std::memcpy(part, other, length);
          });
    }
  });
}

void SharedTransport::all_gather(void* output, const void* input, std::int64_t bytes, const Limit& limit) {
  or_give_up([&] {
    auto* blocks = static_cast<std::byte*>(output);
    if (bytes > 0 && input != blocks + rank_ * bytes)
      std::memcpy(blocks + rank_ * bytes, input, static_cast<std::size_t>(bytes));
    for (std::int64_t begin = 0; begin < bytes; begin += chunk_bytes_) {
      const auto length = static_cast<std::size_t>(std::min(chunk_bytes_, bytes - begin));
      share_chunk(
          limit,
          [&](std::byte* own_slot) { std::memcpy(own_slot, static_cast<const std::byte*>(input) + begin, length); },
          [&](int rank, const std::byte* other) {
            if (rank != rank_) std::memcpy(blocks + rank * bytes + begin, other, length);
          });
    }
  });
}

void SharedTransport::reduce_scatter(void* output, const void* input, std::int64_t count, at::ScalarType type,
                                     ReduceOp op, const Limit& limit) {
  or_give_up([&] {
    const auto width = static_cast<std::int64_t>(c10::elementSize(type));
    const std::int64_t piece = std::max<std::int64_t>(1, chunk_bytes_ / width / size_);
    std::vector<const std::byte*> sources(static_cast<std::size_t>(size_));
    for (std::int64_t begin = 0; begin < count; begin += piece) {
      const std::int64_t length = std::min(piece, count - begin);
      const std::int64_t bytes = length * width;
      const auto part_of = [&](int rank) {
        return static_cast<const std::byte*>(input) + (rank * count + begin) * width;
      };
      share_chunk(
          limit,
          [&](std::byte* own_slot) {
            for (int rank = 0; rank < size_; ++rank)
              if (rank != rank_) std::memcpy(own_slot + rank * bytes, part_of(rank), static_cast<std::size_t>(bytes));
          },
          [&](int rank, const std::byte* other) {
            sources[static_cast<std::size_t>(rank)] = rank == rank_ ? part_of(rank) : other + rank_ * bytes;
            if (rank != rank_) return;  // this rank comes last: all are there
            std::byte* const outputs[] = {static_cast<std::byte*>(output) + begin * width};
            reduce(sources, outputs, length, type, op);
          });
    }
  });
}

void SharedTransport::barrier(const Limit& limit) {
  or_give_up([&] {
    publish();
    for (int rank = 0; rank < size_; ++rank)
      await(rank, limit);
  });
}

void SharedTransport::check_alive(int rank) {
  if (!Liveness::is_held(place(rank).alive)) throw core::Error("rank " + std::to_string(rank) + " is gone");
}

void SharedTransport::publish() {
  ++progress_;
  Place& own = place(rank_);
  own.progress.store(progress_, std::memory_order_release);
  futex_wake_all(own.progress);
}

void SharedTransport::await(int rank, const Limit& limit) {
  Place& other = place(rank);
  // Signed difference: counters wrap round, and no rank is ever more than a few steps ahead.
  const auto behind = [&](std::uint32_t seen) { return static_cast<std::int32_t>(seen - progress_) < 0; };
  std::uint32_t seen = other.progress.load(std::memory_order_acquire);
  for (int spin = 0; spin < kSpins && behind(seen); ++spin) {
    __builtin_ia32_pause();
    seen = other.progress.load(std::memory_order_acquire);
  }
  while (behind(seen)) {
    futex_wait(other.progress, seen, kLivenessInterval);
    seen = other.progress.load(std::memory_order_acquire);
    if (!behind(seen)) return;
    if (other.failed.load(std::memory_order_acquire) != 0)
      throw core::Error("rank " + std::to_string(rank) + " gave up");
    check_alive(rank);
    limit.check();
  }
}

template <class Body>
void SharedTransport::or_give_up(Body&& body) {
  try {
    body();
  } catch (...) {
    Place& own = place(rank_);
    own.failed.store(1, std::memory_order_release);
    futex_wake_all(own.progress);
    throw;
  }
}

}  // namespace trainyard::comm
