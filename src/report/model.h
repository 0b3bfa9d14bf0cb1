#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "log/schema.h"
#include "report/counts.h"
#include "report/device_use.h"
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

/// Rows of `/steps` from `first_row` to the next one's belong to `epoch`.
struct EpochRows {
  std::int64_t epoch = 0;
  std::int64_t first_row = 0;
};

inline constexpr std::size_t kMostEpochRows = 65536;

/// Steps from the start of a log that keep when they began: what traces and timelines show.
inline constexpr std::size_t kTracedSteps = 512;

/// Ranks whose losses are read: their curve is as good as that of all.
inline constexpr std::int64_t kMostLossRanks = 64;

/// `/steps` as equally long columns; `step` increases strictly, no time or count is negative.
struct StepColumns {
  Counts step;
  std::vector<EpochRows> epochs;       ///< ascending by row, at most kMostEpochRows; empty where the log does not say
  std::vector<std::int64_t> start_ns;  ///< of the first kTracedSteps rows
  std::array<Counts, kPhaseCount> phase_ns;
  Counts step_ns;
  Counts comm_ns;
  Counts samples;
  std::vector<float> loss;  ///< to be drawn, not computed with; empty from rank kMostLossRanks on

  std::size_t size() const { return step.size(); }
  const Counts& of(Phase phase) const { return phase_ns[static_cast<std::size_t>(phase)]; }
};

/// One rank's log of one start. Text attributes are as the file has them: clean them before showing.
struct RankLog {
  std::filesystem::path path;
  log::RunAttributes attributes;
  bool complete = false;
  StepColumns steps;
  std::vector<log::EpochRow> epochs;
  std::vector<log::MemoryRow> memory;
  std::vector<DeviceUse> devices;
  std::vector<log::CollectiveRow> collectives;  ///< a sample where they are many: the same operations on every rank
  std::vector<log::EventRow> events;            ///< the first of them where they are many
  std::vector<log::InferenceRow> inference;     ///< no time or count is negative
  std::vector<log::AccuracyRow> accuracy;       ///< 0 <= correct <= samples
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
