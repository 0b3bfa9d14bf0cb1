#include "comm/ledger.h"

#include <algorithm>
#include <utility>

namespace trainyard::comm {

std::int64_t Ledger::next(Operation operation) {
  const std::lock_guard lock(mutex_);
  return operation == Operation::kExchange ? next_exchange_++ : next_++;
}

void Ledger::finish(const CollectiveRecord& record) {
  const std::lock_guard lock(mutex_);
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

}  // namespace trainyard::comm
