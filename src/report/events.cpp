#include "report/events.h"

#include <algorithm>

#include "report/format.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kLongestKind = 32;

}  // namespace

std::vector<RunEvent> events_of(const Run& run) {
  const auto began_ns = [](const Start& start) {
    return static_cast<double>(start.ranks.front().attributes.epoch_unix_ns);
  };
  const double first_ns = began_ns(run.starts.front());
  std::vector<RunEvent> events;
  for (const Start& start : run.starts) {
    const bool dated = first_ns > 0 && began_ns(start) >= first_ns;
    const double shift_ns = dated ? began_ns(start) - first_ns : 0;
    for (const log::EventRow& row : start.ranks.front().events) {
      events.push_back({start.restart, shift_ns + static_cast<double>(std::max<std::int64_t>(0, row.time_ns)),
                        clean_text(row.kind, kLongestKind), clean_text(row.text)});
    }
  }
  return events;
}

}  // namespace trainyard::report
