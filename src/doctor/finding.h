#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::doctor {

enum class Level { kOk, kWarning, kError };

/// "ok", "warning", "error".
std::string_view name_of(Level level);

/// What one check says of one place.
struct Finding {
  std::string check;  ///< "ranks", "cores", "devices", "peers", "network", "results", "space", "all-reduce"
  std::string where;  ///< a rank, a node, or "all"
  Level level = Level::kOk;
  std::string text;  ///< one line; of a warning or error with the mend
};

/// An all-reduce of one size.
struct SweepPoint {
  std::int64_t bytes = 0;
  double time_us = 0;
  double busbw_gbps = 0;  ///< 10^9 bytes a second
};

struct Diagnosis {
  std::string job;  ///< as results/RUN/JOB names it; empty outside of a job
  int ranks = 1;
  int nodes = 1;
  std::string backend;  ///< of the communicator: "mpi", "nccl", "local"
  std::vector<Finding> findings;
  std::vector<SweepPoint> sweep;  ///< empty for one rank
};

/// How many findings are of this level.
int count(const Diagnosis& diagnosis, Level level);

/// For people: a line a finding, and the sweep below.
std::string to_table(const Diagnosis& diagnosis);

/// For tools/collect: an object of schema "trainyard-doctor/1".
std::string to_json(const Diagnosis& diagnosis);

}  // namespace trainyard::doctor
