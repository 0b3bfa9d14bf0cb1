#pragma once

#include <chrono>
#include <filesystem>
#include <memory>

#include "log/schema.h"

namespace trainyard::log {

struct WriterOptions {
  /// Rows are published at the latest this long after they were appended.
  std::chrono::nanoseconds flush_interval = std::chrono::seconds(5);
  /// How long a call waits for a file system that does not answer before it gives up with core::Error.
  std::chrono::nanoseconds stall_limit = std::chrono::seconds(120);
};

/// Writes one rank's timing log. The file is there from the constructor on, and at every instant a closed, consistent
/// HDF5 file that lacks at most the last `kMaxUnpublishedSteps` steps, so that kill -9 at any time leaves a readable
/// log (docs/timing-log.md says how). Calls are thread-safe.
///
/// append only buffers; one thread of the writer's own does the file work. append waits just when the file system is
/// slower than the run, with kMaxUnpublishedSteps steps outstanding. A failure (disk full, folder gone) surfaces as
/// core::Error naming the file at the next append, flush or finish, and at each one after it.
class Writer {
 public:
  static constexpr std::size_t kMaxUnpublishedSteps = 64;

  /// Creates the file in an existing folder; core::Error where it exists already or cannot be written.
  Writer(const std::filesystem::path& path, const RunAttributes& attributes, const WriterOptions& options = {});
  /// Without finish: publishes what it can, says nothing, and leaves `complete` 0.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void append(const StepRow& row);
  void append(const EpochRow& row);
  void append(const MemoryRow& row);
  void append(const CollectiveRow& row);
  void append(const DeviceRow& row);
  void append(const InferenceRow& row);
  void append(const AccuracyRow& row);
  void append(const EventRow& row);

  /// Returns when every row appended so far is published.
  void flush();
  /// Publishes everything, packed, with `complete` = 1; then only the destructor may be called.
  void finish();

  const std::filesystem::path& path() const;

 private:
  struct State;
  template <class Row>
  void append_row(const Row& row);
  std::shared_ptr<State> state_;
};

}  // namespace trainyard::log
