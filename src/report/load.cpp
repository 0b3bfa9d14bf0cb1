#include "report/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

#include "core/error.h"
#include "log/reader.h"
#include "report/assemble.h"
#include "report/format.h"
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
static_assert(std::min(kLongestNs, kMostSamples) >=
              std::numeric_limits<std::uint32_t>::max());  // of 4 bytes none is wrong

void check_range(const std::filesystem::path& path, std::string_view column, const std::vector<std::int64_t>& values,
                 std::int64_t largest) {
  const auto wrong = std::find_if(values.begin(), values.end(),
                                  [largest](std::int64_t value) { return value < 0 || value > largest; });
  if (wrong == values.end()) return;
  throw core::Error(fmt::format("{}: /steps/{} holds {} in row {}: {}", path.string(), column, *wrong,
                                wrong - values.begin(),
                                *wrong < 0 ? "less than 0" : fmt::format("more than {}", largest)));
}

void check_order(const std::filesystem::path& path, const Counts& steps) {
  if (steps.counts_up()) return;
  for (std::size_t row = 1; row < steps.size(); ++row) {
    if (steps[row] > steps[row - 1]) continue;
    throw core::Error(fmt::format("{}: /steps/step goes from {} to {} in row {}: steps count up through the whole run",
                                  path.string(), steps[row - 1], steps[row], row));
  }
}

std::vector<EpochRows> epoch_rows(const Counts& epochs) {
  std::vector<EpochRows> rows;
  for (std::size_t row = 0; row < epochs.size() && rows.size() < kMostEpochRows; ++row) {
    if (row == 0 || epochs[row] != epochs[row - 1]) rows.push_back({epochs[row], static_cast<std::int64_t>(row)});
  }
  return rows;
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

/// Scrambles a number: which of them come out small has nothing to do with their order.
std::uint64_t scrambled(std::uint64_t value) {  // the finaliser of MurmurHash3, by A. Appleby, in the public domain
  value = (value ^ (value >> 33)) * 0xff51afd7ed558ccdU;
  value = (value ^ (value >> 33)) * 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33);
}

/// Of many rows a sample, by their sequence number alone, so that ranks keep the same operations. Not every n-th: a
/// step's collectives repeat, and that could be the same one each time.
std::vector<log::CollectiveRow> sampled_collectives(const log::Reader& reader, std::int64_t world_size) {
  constexpr std::int64_t kMostOfAllRanks = std::int64_t{1} << 20;
  const log::Columns<log::CollectiveRow> table = reader.read<log::CollectiveRow>();
  const auto most = static_cast<std::size_t>(std::clamp<std::int64_t>(kMostOfAllRanks / world_size, 512, 8192));
  std::uint64_t one_in = 1;
  while (table.size() / one_in > most)
    one_in *= 2;
  const std::vector<std::int64_t>& sequences = table[&log::CollectiveRow::sequence];
  std::vector<log::CollectiveRow> rows;
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (scrambled(static_cast<std::uint64_t>(sequences[row])) % one_in == 0) rows.push_back(table.row(row));
  }
  return rows;
}

std::vector<log::EventRow> first_events(const log::Reader& reader) {
  constexpr std::size_t kMostEvents = 1000;
  std::vector<log::EventRow> events = read_rows<log::EventRow>(reader);
  if (events.size() > kMostEvents) events.resize(kMostEvents);
  return events;
}

/// Reads the columns of `/steps`.
class StepsReader {
 public:
  StepsReader(const log::Reader& reader, const std::filesystem::path& path)
      : table_(reader.open<StepRow>()), path_(path) {}

  std::size_t size() const { return table_.size(); }

  /// None of the numbers may be negative or above `largest`. Where the file lacks the column, as many as there are
  /// steps, all as in a new row.
  Counts counts(std::string_view name, std::int64_t StepRow::*member, std::int64_t largest) const {
    const auto& column = table_.column(member);
    if (!column) return Counts::linear(size(), StepRow{}.*member, 0);
    core::hdf5::CompactNumbers numbers = column->read_compact(size());
    if (auto* narrow = std::get_if<std::vector<std::uint32_t>>(&numbers)) return std::move(*narrow);
    const auto& wide = std::get<std::vector<std::int64_t>>(numbers);
    check_range(path_, name, wide, largest);
    return wide;
  }

  /// None where the file lacks the column.
  std::vector<std::int64_t> first(std::int64_t StepRow::*member, std::size_t most) const {
    const auto& column = table_.column(member);
    return column ? column->read_int64(0, std::min(most, size())) : std::vector<std::int64_t>();
  }
  std::vector<EpochRows> epochs() const {
    const auto& column = table_.column(&StepRow::epoch);
    if (!column) return {};
    return epoch_rows(std::visit([](auto&& numbers) { return Counts(std::forward<decltype(numbers)>(numbers)); },
                                 column->read_compact(size())));
  }
  std::vector<float> loss() const {
    const auto& column = table_.column(&StepRow::loss);
    if (!column) return std::vector<float>(size(), static_cast<float>(StepRow{}.loss));
    const std::vector<double> loss = column->read_double(0, size());
    return std::vector<float>(loss.begin(), loss.end());
  }

 private:
  log::OpenTable<StepRow> table_;
  const std::filesystem::path& path_;
};

StepColumns read_steps(const log::Reader& reader, const std::filesystem::path& path, bool with_loss) {
  constexpr std::int64_t kAny = std::numeric_limits<std::int64_t>::max();
  const StepsReader table(reader, path);
  StepColumns steps;
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase) {
    steps.phase_ns[phase] = table.counts(fmt::format("{}_ns", kPhases[phase].id), kPhaseColumns[phase], kLongestNs);
  }
  steps.step_ns = table.counts("step_ns", &StepRow::step_ns, kLongestNs);
  steps.comm_ns = table.counts("comm_ns", &StepRow::comm_ns, kLongestNs);
  steps.samples = table.counts("samples", &StepRow::samples, kMostSamples);
  steps.step = table.counts("step", &StepRow::step, kAny);
  check_order(path, steps.step);
  steps.epochs = table.epochs();
  steps.start_ns = table.first(&StepRow::start_ns, kTracedSteps);
  if (with_loss) steps.loss = table.loss();
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
  log.steps = read_steps(reader, file.path, attributes.rank < kMostLossRanks);
  log.epochs = read_rows<log::EpochRow>(reader);
  log.memory = read_rows<log::MemoryRow>(reader);
  log.devices = device_use(read_rows<log::DeviceRow>(reader), attributes.rank);
  log.collectives = sampled_collectives(reader, attributes.world_size);
  log.events = first_events(reader);
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
  for (const FoundPreflight& file : found.preflights) {
    try {
      collection.preflights.push_back(read_preflight(file.path));
      collection.preflights.back().folder = clean_text(file.folder);
    } catch (const core::Error& error) {
      found.problems.push_back(problem_of(file.path, error.what()));
    }
  }
  collection.log_files = found.files.size();
  collection.problems.insert(collection.problems.begin(), found.problems.begin(), found.problems.end());
  return collection;
}

}  // namespace trainyard::report
