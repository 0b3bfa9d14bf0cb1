#include "comm/ledger.h"

#include <algorithm>
#include <utility>

namespace trainyard::comm {

std::int64_t Ledger::next() {
  const std::lock_guard lock(mutex_);
  return next_++;
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
  // A blocking call on the caller's thread may overtake the communication thread's.
  std::ranges::sort(records, {}, &CollectiveRecord::sequence);
  return records;
}

std::int64_t Ledger::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace trainyard::comm
