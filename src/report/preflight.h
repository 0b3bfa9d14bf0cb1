#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::report {

/// How fast all-reduces of one size went while nothing else did.
struct SweptSize {
  double bytes = 0;
  double bus_bandwidth = 0;  ///< bytes a second
};

/// What one `tools/doctor --json` found: files `doctor-*.json` beside or above the runs.
struct Preflight {
  std::string folder;  ///< where its file is, below the folder that was given, whose own name it begins with
  std::string job;     ///< empty: outside of a job
  std::int64_t ranks = 0;
  std::int64_t nodes = 0;
  std::string backend;  ///< of the communicator
  std::int64_t errors = 0;
  std::int64_t warnings = 0;
  std::string worst;             ///< the first error, or else the first warning; empty: all was well
  std::vector<SweptSize> sweep;  ///< of all-reduces, by size; empty for one rank
};

/// Whether a file of this name is one.
bool is_preflight_name(std::string_view name);

/// Throws core::Error, which names the file, when it is none of schema "trainyard-doctor/1".
Preflight read_preflight(const std::filesystem::path& file);

}  // namespace trainyard::report
