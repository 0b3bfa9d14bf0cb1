#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "comm/operation.h"

namespace trainyard::comm {

/// When a collective was asked for, began and ended, in nanoseconds of core::steady_ns().
struct Interval {
  std::int64_t enqueue_ns = 0;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
};

/// One finished collective: a row of the log's /collectives.
struct CollectiveRecord {
  /// 0, 1, ... per communicator, the same on every rank. Exchanges are counted apart, since only some ranks make them.
  std::int64_t sequence = 0;
  Operation operation = Operation::kBarrier;
  std::int64_t bytes = 0;  ///< of this rank's input tensor; of an exchange: sent and received together
  Interval interval;
};

/// Numbers and times every collective of one communicator. Thread-safe. Holds at most `capacity` finished records: past
/// it new ones are counted as dropped, so that a run which never drains does not grow.
class Ledger {
 public:
  explicit Ledger(std::size_t capacity = 65536) : capacity_(capacity) {}

  /// The next sequence number of such an operation.
  std::int64_t next(Operation operation);
  void finish(const CollectiveRecord& record);
  /// Takes the finished records out, in the order in which they were asked for.
  std::vector<CollectiveRecord> drain();
  std::int64_t dropped() const;

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::int64_t next_ = 0;
  std::int64_t next_exchange_ = 0;
  std::int64_t dropped_ = 0;
  std::vector<CollectiveRecord> finished_;
};

}  // namespace trainyard::comm
