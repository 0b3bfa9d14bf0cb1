#include "log/writer.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "core/signals.h"
#include "core/text.h"
#include "log/published_file.h"
#include "log/table_io.h"

namespace trainyard::log {

namespace {

using Clock = std::chrono::steady_clock;

/// Publication starts with this many steps outstanding; the rest up to the limit keeps the run going meanwhile.
constexpr std::size_t kPublishSteps = 48;
/// The same for rows of any kind: they bound memory, not what a kill may cost.
constexpr std::size_t kPublishRows = 4096;
constexpr std::size_t kMaxUnpublishedRows = 65536;

/// Rows of every table that go into the file together.
class Batch {
 public:
  template <class Row>
  std::vector<Row>& of() {
    return std::get<std::vector<Row>>(rows_);
  }

  std::size_t steps() const { return std::get<std::vector<StepRow>>(rows_).size(); }

  std::size_t size() const {
    return std::apply([](const auto&... rows) { return (rows.size() + ...); }, rows_);
  }

  /// This batch's rows after `earlier`'s.
  Batch after(const Batch& earlier) const {
    Batch both = earlier;
    for_each_table([&]<class Row>(std::type_identity<Row>) {
      const auto& mine = std::get<std::vector<Row>>(rows_);
      both.of<Row>().insert(both.of<Row>().end(), mine.begin(), mine.end());
    });
    return both;
  }

  void append_to(core::hdf5::File& file) {
    for_each_table(
        [&]<class Row>(std::type_identity<Row>) { append_rows<Row>(file, std::span<const Row>(of<Row>())); });
  }

 private:
  std::tuple<std::vector<StepRow>, std::vector<EpochRow>, std::vector<MemoryRow>, std::vector<CollectiveRow>,
             std::vector<DeviceRow>, std::vector<InferenceRow>, std::vector<AccuracyRow>, std::vector<EventRow>>
      rows_;
};

std::string cannot_write(const std::filesystem::path& path, std::string_view reason) {
  return "cannot write the timing log " + path.string() + " (" + core::one_line(reason) + ")";
}

}  // namespace

/// Shared with the thread, which outlives the writer where the file system never answers.
struct Writer::State {
  State(const std::filesystem::path& path, const RunAttributes& run, const WriterOptions& writer_options)
      : attributes(run), options(writer_options), file(path) {
    if (attributes.hdf5_version.empty()) attributes.hdf5_version = core::hdf5::library_version();
  }

  // Used by the thread alone, once it runs.
  RunAttributes attributes;
  const WriterOptions options;
  PublishedFile file;
  Batch last_published;  ///< what the shadow lacks

  std::mutex mutex;
  std::condition_variable work;      ///< wakes the thread
  std::condition_variable progress;  ///< wakes callers
  Batch pending;
  Clock::time_point pending_since;
  std::size_t steps_in_flight = 0;
  std::size_t rows_in_flight = 0;
  std::uint64_t appended = 0;   ///< rows, of all tables
  std::uint64_t published = 0;  ///< rows, of all tables
  std::uint64_t wanted = 0;     ///< publish at least this many now
  bool finish_wanted = false;
  bool stop_wanted = false;
  bool finished = false;
  bool exited = false;
  std::string failure;
  std::thread thread;

  std::size_t unpublished_steps() const { return pending.steps() + steps_in_flight; }
  std::size_t unpublished_rows() const { return pending.size() + rows_in_flight; }
  bool due() const {
    return wanted > published || finish_wanted || stop_wanted || pending.steps() >= kPublishSteps ||
           pending.size() >= kPublishRows;
  }

  void create_first() {
    if (std::filesystem::exists(file.path())) {
      throw core::Error(
          cannot_write(file.path(), "it exists already; two ranks with one log, or an output used twice"));
    }
    core::hdf5::File first = file.create_next();
    write_attributes(first, attributes, false);
    create_table<StepRow>(first);
    first.close();
    file.publish_first();
  }

  void publish(Batch batch) {
    auto [next, up_to_date] = file.open_next();
    Batch missing = up_to_date ? batch : batch.after(last_published);
    missing.append_to(next);
    next.close();
    file.publish();
    last_published = std::move(batch);
  }

  /// The final version is written anew: `complete`, without the waste that growing left, in chunks for reading.
  void publish_final() {
    core::hdf5::File final = file.create_next();
    write_attributes(final, attributes, true);
    const core::hdf5::File grown = core::hdf5::File::open_for_reading(file.path());
    for_each_table([&]<class Row>(std::type_identity<Row>) { copy_table<Row>(grown, final); });
    final.close();
    file.publish_last();
  }

  void throw_if_unusable() const {
    if (!failure.empty()) throw core::Error(failure);
    if (finished || finish_wanted) throw core::Error(cannot_write(file.path(), "it is finished"));
  }

  /// Waits until `done`, a failure, or the stall limit, which is a failure too.
  template <class Done>
  void wait(std::unique_lock<std::mutex>& lock, Done done) {
    const bool answered = progress.wait_for(lock, options.stall_limit, [&] { return !failure.empty() || done(); });
    if (!answered) {
      failure = cannot_write(
          file.path(), "the file system has not answered for " + core::format_duration_ns(options.stall_limit.count()));
    }
    if (!failure.empty()) throw core::Error(failure);
  }

  /// The thread's loop.
  void serve() {
    std::unique_lock lock(mutex);
    try {
      while (failure.empty() && !finished && !(stop_wanted && pending.size() == 0)) {
        if (!due()) {
          if (pending.size() == 0) {
            work.wait(lock);
            continue;
          }
          if (work.wait_until(lock, pending_since + options.flush_interval) == std::cv_status::no_timeout) continue;
        }
        serve_once(lock);
      }
    } catch (const std::exception& error) {
      if (!lock.owns_lock()) lock.lock();
      if (failure.empty()) failure = cannot_write(file.path(), error.what());
    }
    exited = true;
    progress.notify_all();
  }

  void serve_once(std::unique_lock<std::mutex>& lock) {
    Batch batch = std::exchange(pending, {});
    const bool last = finish_wanted;
    const std::size_t rows = rows_in_flight = batch.size();
    steps_in_flight = batch.steps();
    lock.unlock();
    if (rows > 0) publish(std::move(batch));
    if (last) publish_final();
    lock.lock();
    published += rows;
    rows_in_flight = 0;
    steps_in_flight = 0;
    finished = last;
    progress.notify_all();
  }
};

Writer::Writer(const std::filesystem::path& path, const RunAttributes& attributes, const WriterOptions& options)
    : state_(std::make_shared<State>(path, attributes, options)) {
  try {
    state_->create_first();
  } catch (const core::Error& error) {
    if (std::string_view(error.what()).find("timing log") != std::string_view::npos) throw;
    throw core::Error(cannot_write(path, error.what()));
  }
  const core::SignalBlock block;
  state_->thread = std::thread([state = state_] { state->serve(); });
}

Writer::~Writer() {
  std::unique_lock lock(state_->mutex);
  state_->stop_wanted = true;
  state_->work.notify_all();
  const bool exited = state_->progress.wait_for(lock, state_->options.stall_limit, [this] { return state_->exited; });
  // Held up by the file system for good, the thread is left behind; what it uses is its own.
  std::thread thread = std::move(state_->thread);
  lock.unlock();
  if (exited) {
    thread.join();
  } else {
    thread.detach();
  }
}

template <class Row>
void Writer::append_row(const Row& row) {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.throw_if_unusable();
  if constexpr (std::is_same_v<Row, StepRow>) {
    if (state.unpublished_steps() >= kMaxUnpublishedSteps) {
      state.wait(lock, [&] { return state.unpublished_steps() < kMaxUnpublishedSteps; });
    }
  } else if (state.unpublished_rows() >= kMaxUnpublishedRows) {
    state.wait(lock, [&] { return state.unpublished_rows() < kMaxUnpublishedRows; });
  }
  const bool first = state.pending.size() == 0;
  if (first) state.pending_since = Clock::now();
  state.pending.of<Row>().push_back(row);
  ++state.appended;
  // The first row sets the thread's alarm clock.
  if (first || state.due()) state.work.notify_one();
}

void Writer::append(const StepRow& row) {
  append_row(row);
}
void Writer::append(const EpochRow& row) {
  append_row(row);
}
void Writer::append(const MemoryRow& row) {
  append_row(row);
}
void Writer::append(const CollectiveRow& row) {
  append_row(row);
}
void Writer::append(const DeviceRow& row) {
  append_row(row);
}
void Writer::append(const InferenceRow& row) {
  append_row(row);
}
void Writer::append(const AccuracyRow& row) {
  append_row(row);
}
void Writer::append(const EventRow& row) {
  append_row(row);
}

void Writer::flush() {
  std::unique_lock lock(state_->mutex);
  state_->throw_if_unusable();
  const std::uint64_t target = state_->wanted = state_->appended;
  state_->work.notify_one();
  state_->wait(lock, [&] { return state_->published >= target; });
}

void Writer::finish() {
  std::unique_lock lock(state_->mutex);
  state_->throw_if_unusable();
  state_->finish_wanted = true;
  state_->work.notify_one();
  state_->wait(lock, [&] { return state_->finished; });
}

const std::filesystem::path& Writer::path() const {
  return state_->file.path();
}

}  // namespace trainyard::log
