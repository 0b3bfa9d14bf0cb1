#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace trainyard::report {

/// What one `tools/doctor --json` found: files `doctor-*.json` beside or above the runs.
struct Preflight {
  std::string job;  ///< empty: outside of a job
  std::int64_t ranks = 0;
  std::int64_t nodes = 0;
  std::string backend;  ///< of the communicator
  std::int64_t errors = 0;
  std::int64_t warnings = 0;
  std::string worst;                 ///< the first error, or else the first warning; empty: all was well
  std::optional<double> busbw_gbps;  ///< of the largest all-reduce; none for one rank
};

/// Whether a file of this name is one.
bool is_preflight_name(std::string_view name);

/// Throws core::Error, which names the file, when it is none of schema "trainyard-doctor/1".
Preflight read_preflight(const std::filesystem::path& file);

}  // namespace trainyard::report
