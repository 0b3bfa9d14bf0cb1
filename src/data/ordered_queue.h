#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace trainyard::data {

/// Spreads the items of a numbered series over threads that make them in any order, and gives them to one consumer in
/// the order of their numbers. At most `capacity` items are made or being made ahead of the consumer. Nothing spins. A
/// series is begun by the consumer and may be abandoned for another one at any time; what its makers still put is
/// dropped. `Job` is what all items of one series are made from; `Item` is movable.
template <typename Job, typename Item>
class OrderedQueue {
 public:
  /// The right, and duty, to make item `index` of a series: answered by one put() or fail().
  struct Ticket {
    std::shared_ptr<const Job> job;
    std::int64_t index = 0;
    std::uint64_t series = 0;
  };

  explicit OrderedQueue(std::size_t capacity) : slots_(std::max<std::size_t>(1, capacity)) {}

  /// Consumer: begins the series of items first ... end - 1 and abandons the one before.
  void start(std::shared_ptr<const Job> job, std::int64_t first, std::int64_t end) {
    std::vector<Slot> abandoned(slots_.size());
    {
      const std::lock_guard lock(mutex_);
      slots_.swap(abandoned);
      job_.swap(job);
      ++series_;
      next_claim_ = next_take_ = first;
      end_ = std::max(first, end);
      failure_ = nullptr;
    }
    may_claim_.notify_all();
  }

  /// Maker: the next item to make, once there is one and room for it. Nothing after close().
  std::optional<Ticket> claim() {
    std::unique_lock lock(mutex_);
    may_claim_.wait(lock, [&] { return closed_ || can_claim(); });
    if (closed_) return std::nullopt;
    return Ticket{.job = job_, .index = next_claim_++, .series = series_};
  }

  void put(const Ticket& ticket, Item item) { fill(ticket, Slot{.item = std::move(item), .error = nullptr}); }

  /// The consumer's take() of this item throws `error`.
  void fail(const Ticket& ticket, std::exception_ptr error) {
    fill(ticket, Slot{.item = std::nullopt, .error = std::move(error)});
  }

  /// Consumer: waits for the next item. Nothing after the last one.
  /// @throws the error that stands in the item's place, from then on until another series is started.
  std::optional<Item> take() {
    Slot taken;
    {
      std::unique_lock lock(mutex_);
      if (failure_) std::rethrow_exception(failure_);
      if (next_take_ == end_) return std::nullopt;
      Slot& slot = slot_of(next_take_);
      may_take_.wait(lock, [&] { return slot.item.has_value() || slot.error; });
      taken = std::exchange(slot, Slot{});
      if (taken.error) {
        failure_ = taken.error;
        next_claim_ = end_;  // what follows a failed item is not wanted
        std::rethrow_exception(failure_);
      }
      ++next_take_;
    }
    may_claim_.notify_one();
    return std::move(taken.item);
  }

  /// Makes every claim() return, now and later.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    may_claim_.notify_all();
  }

 private:
  struct Slot {
    std::optional<Item> item;
    std::exception_ptr error;
  };

  Slot& slot_of(std::int64_t index) { return slots_[static_cast<std::size_t>(index) % slots_.size()]; }

  bool can_claim() const {
    return next_claim_ < end_ && next_claim_ - next_take_ < static_cast<std::int64_t>(slots_.size());
  }

  void fill(const Ticket& ticket, Slot slot) {
    {
      const std::lock_guard lock(mutex_);
      if (ticket.series != series_) return;  // `slot` dies with the parameter, after the lock
      slot_of(ticket.index) = std::move(slot);
    }
    may_take_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable may_claim_;
  std::condition_variable may_take_;
  std::vector<Slot> slots_;  ///< item i waits in slot i % size
  std::shared_ptr<const Job> job_;
  std::uint64_t series_ = 0;
  std::int64_t next_claim_ = 0;
  std::int64_t next_take_ = 0;
  std::int64_t end_ = 0;
  std::exception_ptr failure_;
  bool closed_ = false;
};

}  // namespace trainyard::data
