#pragma once

#include <filesystem>
#include <vector>

#include "report/discovery.h"
#include "report/model.h"

namespace trainyard::report {

/// Reads one log and checks what the report relies on: no negative time or count, steps in order. What the log does not
/// say about itself is taken from its place. core::Error, which names the file, when it cannot be used.
RankLog load_log(const LogFile& file);

/// Every run below the folders: discovery, reading, assembly. Logs that cannot be read become problems.
/// core::UsageError where a given folder is none; core::Error, naming the folders, where there is not one usable log.
Collection load_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace trainyard::report
