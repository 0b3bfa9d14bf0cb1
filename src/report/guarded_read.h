#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "report/discovery.h"
#include "report/model.h"

namespace trainyard::report {

/// A log, or one line on why there is none.
using ReadResult = std::variant<RankLog, std::string>;

/// `read` of every file, in order, in child processes, as many as there are cores. HDF5 1.10 crashes or loops for ever
/// on some damaged files (its global heap, met when attributes are strings of variable length); that costs the child,
/// and the file a line that says so, and a new child goes on with the next file. A file on which a child shows no
/// progress for `patience` is given up. core::Error where no child can be started. To be called while the process has
/// one thread.
std::vector<ReadResult> read_guarded(const std::vector<LogFile>& files,
                                     const std::function<RankLog(const LogFile&)>& read,
                                     std::chrono::milliseconds patience = std::chrono::seconds(20));

}  // namespace trainyard::report
