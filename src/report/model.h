#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "log/schema.h"
#include "report/preflight.h"

namespace trainyard::report {

/// Where a step's time goes, in the order of a step; together they are the step.
enum class Phase { kData, kTransfer, kForward, kBackward, kExposedComm, kIdle, kOptimizer, kOther };

inline constexpr std::size_t kPhaseCount = 8;

struct PhaseName {
  std::string_view id;     ///< the log's column without `_ns`
  std::string_view title;  ///< for people
  char letter;             ///< in the bars of the text report
};

inline constexpr std::array<PhaseName, kPhaseCount> kPhases{{
    {"data", "data", 'd'},
    {"transfer", "transfer", 't'},
    {"forward", "forward", 'F'},
    {"backward", "backward", 'B'},
    {"exposed_comm", "exposed comm", 'c'},
    {"idle", "idle", 'i'},
    {"optimizer", "optimizer", 'o'},
    {"other", "other", '.'},
}};

/// `/steps` as equally long columns; `step` increases strictly, no time or count is negative. `epoch` is empty where
/// the log does not say.
struct StepColumns {
  std::vector<std::int64_t> step;
  std::vector<std::int64_t> epoch;
  std::array<std::vector<std::int64_t>, kPhaseCount> phase_ns;
  std::vector<std::int64_t> step_ns;
  std::vector<std::int64_t> comm_ns;
  std::vector<std::int64_t> samples;
  std::vector<double> loss;

  std::size_t size() const { return step.size(); }
};

/// One rank's log of one start. Text attributes are as the file has them: clean them before showing.
struct RankLog {
  std::filesystem::path path;
  log::RunAttributes attributes;
  bool complete = false;
  StepColumns steps;
  std::vector<log::EpochRow> epochs;
  std::vector<log::MemoryRow> memory;
  std::vector<log::InferenceRow> inference;  ///< no time or count is negative
  std::vector<log::AccuracyRow> accuracy;    ///< 0 <= correct <= samples
};

/// One start of a run (`restart-NNN`): the logs of the ranks that are there, by rank, each rank once.
struct Start {
  std::int64_t restart = 0;
  std::vector<RankLog> ranks;
};

/// One run: all its starts, first to last; none is empty.
struct Run {
  std::string folder;  ///< below the folder that was given, whose own name it begins with
  std::vector<Start> starts;
};

/// A file or folder that could not be used as it is, or a gap. The rest is reported all the same.
struct Problem {
  std::filesystem::path path;
  std::string what;
};

struct Collection {
  std::vector<Run> runs;
  std::vector<Preflight> preflights;
  std::vector<Problem> problems;
  std::size_t log_files = 0;  ///< found, usable or not
};

}  // namespace trainyard::report
