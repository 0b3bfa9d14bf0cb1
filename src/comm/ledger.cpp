#include "comm/ledger.h"

#include <algorithm>
#include <utility>

namespace trainyard::comm {

void Ledger::record_in(std::shared_ptr<core::FlightRecorder> recorder, const std::string& communicator) {
  recorder_ = std::move(recorder);
  if (!recorder_) return;
  collectives_ = recorder_->open(communicator, /*compared=*/true);
  exchanges_ = recorder_->open(communicator + " exchanges", /*compared=*/false);
}

std::int64_t Ledger::next(Operation operation) {
  const std::lock_guard lock(mutex_);
  const std::int64_t sequence = operation == Operation::kExchange ? next_exchange_++ : next_++;
  group_of(operation).called(sequence);
  return sequence;
}

void Ledger::begin(Operation operation, std::int64_t sequence, std::string_view text) {
  group_of(operation).begun(sequence, text);
}

void Ledger::finish(const CollectiveRecord& record) {
  const std::lock_guard lock(mutex_);
  group_of(record.operation).ended(record.sequence);
  if (finished_.size() < capacity_)
    finished_.push_back(record);
  else
    ++dropped_;
}

std::vector<CollectiveRecord> Ledger::drain() {
  std::vector<CollectiveRecord> records;
  {
    const std::lock_guard lock(mutex_);
    records.swap(finished_);
  }
  // An exchange may end before a collective that was called earlier, or after one that was called later.
  std::ranges::stable_sort(records, {}, [](const CollectiveRecord& record) { return record.interval.enqueue_ns; });
  return records;
}

std::int64_t Ledger::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::string part_name(const std::string& communicator, int split, int color) {
  return communicator + "/" + std::to_string(split) + ":" + std::to_string(color);
}

}  // namespace trainyard::comm
