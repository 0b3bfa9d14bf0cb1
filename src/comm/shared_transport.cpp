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

constexpr std::int64_t kLargestChunk = std::int64_t{1} << 18;  // the slots of a rank stay in its core's second cache
constexpr std::int64_t kSmallestChunk = std::int64_t{1} << 14;
constexpr std::int64_t kLargestSegment = std::int64_t{32} << 20;  // half of what a container's /dev/shm usually has

// Looks before sleeping: about a microsecond. Longer ones make an all-reduce by itself little faster and take the core
// from the thread that computes meanwhile: with up to 50 us two ranks' steps took 5 % more CPU time
// (docs/performance.md).
constexpr int kLooks = 200;
constexpr std::chrono::milliseconds kLivenessInterval{100};  // between two looks at a silent rank

void copy_elements(std::byte* to, const std::byte* from, Slice slice, at::ScalarType type) {
  const auto width = static_cast<std::int64_t>(c10::elementSize(type));
  std::memcpy(to + slice.begin * width, from + slice.begin * width, static_cast<std::size_t>(slice.count * width));
}

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

std::byte* SharedTransport::memory_of(const Slot& slot, int rank) const {
  std::byte* first = memory_.data() + static_cast<std::size_t>(size_) * sizeof(Place);
  return first + (rank * kSlots + slot.index) * chunk_bytes_;
}

// Every rank takes the same slots at the same step. That the others are done with one shows in the first step that they
// complete after it, which at the latest is the one that offers the chunk before this one: a step that needs nothing
// of this chunk, so the wait ends.
SharedTransport::Slot SharedTransport::take_slot(const Limit& limit) {
  const Slot slot{chunks_++ % kSlots};
  for (int step = 1; step < size_; ++step)
    await((rank_ + step) % size_, free_from_[static_cast<std::size_t>(slot.index)], limit);
  return slot;
}

// Three things are done with a chunk, and each a turn later than the one before: what a rank then asks of the others
// they did while it worked on other chunks, so it seldom waits.
void SharedTransport::all_reduce(void* data, std::int64_t count, at::ScalarType type, ReduceOp op, const Limit& limit) {
  or_give_up([&] {
    const auto width = static_cast<std::int64_t>(c10::elementSize(type));
    const std::int64_t length = chunk_bytes_ / width;
    const std::int64_t chunks = (count + length - 1) / length;
    const auto chunk_at = [&](std::int64_t index) {
      return Reduction{static_cast<std::byte*>(data) + index * length * width, std::min(length, count - index * length),
                       type, op};
    };
    std::array<Slot, kSlots> slots{};
    const auto slot_of = [&](std::int64_t index) -> Slot& { return slots[static_cast<std::size_t>(index % kSlots)]; };
    for (std::int64_t turn = 0; turn < chunks + 2; ++turn) {
      if (turn < chunks) slot_of(turn) = offer(chunk_at(turn), limit);
      if (turn >= 1 && turn <= chunks) reduce_own_slice(chunk_at(turn - 1), slot_of(turn - 1), limit);
      if (turn >= 2) fetch(chunk_at(turn - 2), slot_of(turn - 2), limit);
    }
  });
}

SharedTransport::Slot SharedTransport::offer(const Reduction& chunk, const Limit& limit) {
  Slot slot = take_slot(limit);
  const Slice own = slice_of(chunk.count, rank_, size_);
  copy_elements(memory_of(slot, rank_), chunk.data, {0, own.begin}, chunk.type);
  const std::int64_t end = own.begin + own.count;
  copy_elements(memory_of(slot, rank_), chunk.data, {end, chunk.count - end}, chunk.type);
  slot.offered = publish();
  return slot;
}

void SharedTransport::reduce_own_slice(const Reduction& chunk, Slot& slot, const Limit& limit) {
  const Slice own = slice_of(chunk.count, rank_, size_);
  const std::int64_t offset = own.begin * static_cast<std::int64_t>(c10::elementSize(chunk.type));
  std::vector<const std::byte*> sources(static_cast<std::size_t>(size_));
  for (int rank = 0; rank < size_; ++rank) {
    if (rank != rank_) await(rank, slot.offered, limit);
    sources[static_cast<std::size_t>(rank)] = (rank == rank_ ? chunk.data : memory_of(slot, rank)) + offset;
  }
  std::byte* const outputs[] = {chunk.data + offset, memory_of(slot, rank_) + offset};
  reduce(sources, outputs, own.count, chunk.type, chunk.op);
  slot.reduced = publish();
}

void SharedTransport::fetch(const Reduction& chunk, const Slot& slot, const Limit& limit) {
  for (int step = 1; step < size_; ++step) {
    const int rank = (rank_ + step) % size_;
    await(rank, slot.reduced, limit);
    copy_elements(chunk.data, memory_of(slot, rank), slice_of(chunk.count, rank, size_), chunk.type);
  }
  release(slot);
}

template <class Fill, class Take>
void SharedTransport::share_chunk(const Limit& limit, Fill&& fill, Take&& take) {
  const Slot slot = take_slot(limit);
  fill(memory_of(slot, rank_));
  const std::uint32_t filled = publish();
  for (int step = 1; step <= size_; ++step) {
    const int rank = (rank_ + step) % size_;
    if (rank != rank_) await(rank, filled, limit);
    take(rank, memory_of(slot, rank));
  }
  release(slot);
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
    const std::uint32_t arrived = publish();
    for (int rank = 0; rank < size_; ++rank)
      if (rank != rank_) await(rank, arrived, limit);
  });
}

void SharedTransport::check_alive(int rank) {
  if (!Liveness::is_held(place(rank).alive)) throw core::Error("rank " + std::to_string(rank) + " is gone");
}

std::uint32_t SharedTransport::publish() {
  ++progress_;
  Place& own = place(rank_);
  own.progress.store(progress_, std::memory_order_seq_cst);
  if (own.sleepers.load(std::memory_order_seq_cst) != 0) futex_wake_all(own.progress);
  return progress_;
}

void SharedTransport::await(int rank, std::uint32_t step, const Limit& limit) {
  Place& other = place(rank);
  // Signed difference: counters wrap round, and no rank is ever more than a few steps ahead.
  const auto behind = [&](std::uint32_t seen) { return static_cast<std::int32_t>(seen - step) < 0; };
  std::uint32_t seen = other.progress.load(std::memory_order_acquire);
  for (int look = 0; look < kLooks && behind(seen); ++look) {
    __builtin_ia32_pause();
    seen = other.progress.load(std::memory_order_acquire);
  }
  if (behind(seen)) sleep_until(other, rank, behind, limit);
}

template <class Behind>
void SharedTransport::sleep_until(Place& other, int rank, const Behind& behind, const Limit& limit) {
  // Counted before looking again: a rank that completes its step later sees the count, and wakes.
  other.sleepers.fetch_add(1, std::memory_order_seq_cst);
  const auto leave = [&] { other.sleepers.fetch_sub(1, std::memory_order_relaxed); };
  try {
    for (std::uint32_t seen = other.progress.load(std::memory_order_seq_cst); behind(seen);
         seen = other.progress.load(std::memory_order_acquire)) {
      futex_wait(other.progress, seen, kLivenessInterval);
      if (!behind(other.progress.load(std::memory_order_acquire))) break;
      if (other.failed.load(std::memory_order_acquire) != 0)
        throw core::Error("rank " + std::to_string(rank) + " gave up");
      check_alive(rank);
      limit.check();
    }
  } catch (...) {
    leave();
    throw;
  }
  leave();
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
