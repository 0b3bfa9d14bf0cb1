#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "report/discovery.h"
#include "report/model.h"

namespace trainyard::report {

/// A log that was read, and where it was found.
struct LoadedLog {
  LogFile file;
  RankLog log;
};

/// Logs to runs. A folder is one run, and a run more from each start that has another configuration than the start
/// before it. A log that says another run, model or data than most of its folder, or another configuration than most of
/// its start, is left out; so is one that is there twice: the same rank of the same start, or a copy of the same log in
/// another folder. Each of these, and each rank that is missing, is a problem.
Collection assemble(std::vector<LoadedLog> logs);

/// `{0, 1, 2, 5}` as "0-2, 5".
std::string format_ranges(std::span<const std::int64_t> sorted);

}  // namespace trainyard::report
