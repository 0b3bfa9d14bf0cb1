#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "comm/operation.h"
#include "core/flight_recorder.h"

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

  /// Also writes down what is called, begun and ended, for when this rank cannot tell any more. Before the first call.
  void record_in(std::shared_ptr<core::FlightRecorder> recorder, const std::string& communicator);

  /// The sequence number of such an operation that is called now.
  std::int64_t next(Operation operation);
  /// It is carried out from now on; `text` describes it.
  void begin(Operation operation, std::int64_t sequence, std::string_view text);
  void finish(const CollectiveRecord& record);
  /// Takes the finished records out, in the order in which they were asked for.
  std::vector<CollectiveRecord> drain();
  std::int64_t dropped() const;

 private:
  core::FlightRecorder::Group& group_of(Operation operation) {
    return operation == Operation::kExchange ? exchanges_ : collectives_;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::int64_t next_ = 0;
  std::int64_t next_exchange_ = 0;
  std::int64_t dropped_ = 0;
  std::vector<CollectiveRecord> finished_;
  std::shared_ptr<core::FlightRecorder> recorder_;  ///< keeps what the groups write to; null: nothing is recorded
  core::FlightRecorder::Group collectives_;
  core::FlightRecorder::Group exchanges_;
};

/// What a part of `communicator` is called in records: the same on its ranks, and another for every part. split: how
/// many splits of it went before.
std::string part_name(const std::string& communicator, int split, int color);

}  // namespace trainyard::comm
