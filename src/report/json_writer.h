#pragma once

#include <string>

#include "report/report.h"

namespace trainyard::report {

/// The report for programs: one object with `schema`, `runs`, `scaling`, `problems`. Times in nanoseconds, shares and
/// accuracies from 0 to 1, null where the logs do not say. The same report gives the same bytes.
std::string to_json(const Report& report);

}  // namespace trainyard::report
