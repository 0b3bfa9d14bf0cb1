#include "report/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

#include "core/error.h"
#include "log/reader.h"
#include "report/assemble.h"
#include "report/guarded_read.h"

namespace trainyard::report {
namespace {

using log::StepRow;

constexpr std::array<std::int64_t StepRow::*, kPhaseCount> kPhaseColumns{
    &StepRow::data_ns,         &StepRow::transfer_ns, &StepRow::forward_ns,   &StepRow::backward_ns,
    &StepRow::exposed_comm_ns, &StepRow::idle_ns,     &StepRow::optimizer_ns, &StepRow::other_ns};

/// Longest step that is taken for real, a year: sums of such steps stay far from overflow.
constexpr std::int64_t kLongestNs = std::int64_t{365} * 24 * 3600 * 1'000'000'000;
constexpr std::int64_t kMostSamples = std::int64_t{1} << 40;

void check_range(const std::filesystem::path& path, const char* column, const std::vector<std::int64_t>& values,
                 std::int64_t largest) {
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [largest](std::int64_t value) { return value < 0 || value > largest; });
  if (wrong == values.end()) return;
  throw core::Error(fmt::format("{}: /steps/{} holds {} in row {}: not between 0 and {}", path.string(), column, *wrong,
                                wrong - values.begin(), largest));
}

void check_steps(const std::filesystem::path& path, const StepColumns& steps) {
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    check_range(path, fmt::format("{}_ns", kPhases[phase].id).c_str(), steps.phase_ns[phase], kLongestNs);
  }
  check_range(path, "step_ns", steps.step_ns, kLongestNs);
  check_range(path, "comm_ns", steps.comm_ns, kLongestNs);
  check_range(path, "samples", steps.samples, kMostSamples);
  const auto disorder = std::adjacent_find(steps.step.begin(), steps.step.end(), std::greater_equal<>());
  if (disorder == steps.step.end()) return;
  throw core::Error(fmt::format("{}: /steps/step goes from {} to {} in row {}: steps count up through the whole run",
                                path.string(), *disorder, *(disorder + 1), disorder + 1 - steps.step.begin()));
}

template <class Row>
std::vector<Row> read_rows(const log::Reader& reader) {
  const log::Columns<Row> table = reader.read<Row>();
  std::vector<Row> rows;
  for (std::size_t row = 0; row < table.size(); ++row)
    rows.push_back(table.row(row));
  return rows;
}

void check_inference(const std::filesystem::path& path, const RankLog& log) {
  const auto refuse = [&](const char* table, std::size_t row) {
    throw core::Error(fmt::format("{}: /{} holds what cannot be in row {}", path.string(), table, row));
  };
  for (std::size_t i = 0; i < log.inference.size(); ++i) {
    const log::InferenceRow& row = log.inference[i];
    if (row.duration_ns < 0 || row.duration_ns > kLongestNs || row.samples < 0 || row.samples > kMostSamples)
      refuse("inference", i);
  }
  for (std::size_t i = 0; i < log.accuracy.size(); ++i) {
    const log::AccuracyRow& row = log.accuracy[i];
    if (row.correct < 0 || row.correct > row.samples || row.samples > kMostSamples) refuse("accuracy", i);
  }
}

StepColumns read_steps(const log::Reader& reader) {
  const log::Columns<StepRow> table = reader.read<StepRow>();
  StepColumns steps;
  steps.step = table[&StepRow::step];
  if (table.has(&StepRow::epoch)) steps.epoch = table[&StepRow::epoch];
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    steps.phase_ns[phase] = table[kPhaseColumns[phase]];
  steps.step_ns = table[&StepRow::step_ns];
  steps.comm_ns = table[&StepRow::comm_ns];
  steps.samples = table[&StepRow::samples];
  steps.loss = table[&StepRow::loss];
  return steps;
}

/// The path stands beside what is wrong, so not within it.
Problem problem_of(const std::filesystem::path& path, std::string what) {
  const std::string prefix = path.string() + ": ";
  if (what.starts_with(prefix)) what.erase(0, prefix.size());
  return {path, std::move(what)};
}

}  // namespace

RankLog load_log(const LogFile& file) {
  const log::Reader reader(file.path);
  RankLog log;
  log.path = file.path;
  log.attributes = reader.attributes();
  log.complete = reader.complete();
  log::RunAttributes& attributes = log.attributes;
  if (attributes.run.empty()) attributes.run = file.run;
  if (attributes.job_id.empty()) attributes.job_id = file.job_id;
  if (attributes.restart == 0) attributes.restart = file.restart.value_or(0);
  if (attributes.rank < 0 || attributes.rank >= attributes.world_size) {
    throw core::Error(fmt::format("{}: rank {} of world size {}: a rank is from 0 to the world size less one",
                                  file.path.string(), attributes.rank, attributes.world_size));
  }
  log.steps = read_steps(reader);
  check_steps(file.path, log.steps);
  log.epochs = read_rows<log::EpochRow>(reader);
  log.memory = read_rows<log::MemoryRow>(reader);
  log.inference = read_rows<log::InferenceRow>(reader);
  log.accuracy = read_rows<log::AccuracyRow>(reader);
  check_inference(file.path, log);
  return log;
}

Collection load_runs(const std::vector<std::filesystem::path>& folders) {
  Discovery found = discover(folders);
  std::vector<LoadedLog> logs;
  std::vector<ReadResult> results = read_guarded(found.files, load_log);
  for (std::size_t i = 0; i < results.size(); ++i) {
    LogFile& file = found.files[i];
    if (RankLog* log = std::get_if<RankLog>(&results[i])) {
      logs.push_back({std::move(file), std::move(*log)});
      continue;
    }
    found.problems.push_back(problem_of(file.path, std::get<std::string>(std::move(results[i]))));
  }
  std::string names;
  for (const auto& folder : folders)
    names += (names.empty() ? "" : ", ") + folder.string();
  if (found.files.empty()) {
    throw core::Error(
        fmt::format("{}: no timing log (rank-*.h5) found; give the folder that runs were written to", names));
  }
  if (logs.empty()) {
    throw core::Error(fmt::format("{}: none of {} timing logs can be used; {}: {}", names, found.files.size(),
                                  found.problems.front().path.string(), found.problems.front().what));
  }
  Collection collection = assemble(std::move(logs));
  for (const std::filesystem::path& file : found.preflights) {
    try {
      collection.preflights.push_back(read_preflight(file));
    } catch (const core::Error& error) {
      found.problems.push_back(problem_of(file, error.what()));
    }
  }
  collection.log_files = found.files.size();
  collection.problems.insert(collection.problems.begin(), found.problems.begin(), found.problems.end());
  return collection;
}

}  // namespace trainyard::report
