#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"

/// What each rank of a run last called of its communicators, in a small file a rank that survives it however it ends.
/// So whoever is left can say which rank did not come to which collective.
namespace trainyard::core {

/// How a rank is doing; what its file says for ever once it has ended.
enum class RankState : std::int32_t {
  kRunning = 0,     ///< also of a rank that was killed, or died without a word
  kFailed = 1,      ///< it ends because of an error of its own
  kTerminated = 2,  ///< it was asked to end by SIGTERM, as launchers do once another rank has failed
};

struct FlightPage;
struct GroupEntry;

/// One rank's record, written by the rank itself while it runs. Kept in memory until keep_in(). Thread-safe.
class FlightRecorder {
 public:
  /// The calls of one communicator. Operations are numbered from 0 in the order of the calls.
  class Group {
   public:
    Group() = default;  ///< records nothing
    /// The program asked for it.
    void called(std::int64_t sequence);
    /// It is carried out from now on; `text` says what it is, as "all_reduce(sum) of 1024 Float".
    void begun(std::int64_t sequence, std::string_view text);
    /// It has ended, and so have those before it.
    void ended(std::int64_t sequence);

   private:
    friend class FlightRecorder;
    explicit Group(GroupEntry* entry) : entry_(entry) {}
    GroupEntry* entry_ = nullptr;
  };

  /// node: this rank's host, by which it is named.
  FlightRecorder(int rank, int ranks, std::string_view node);
  ~FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;
  FlightRecorder& operator=(const FlightRecorder&) = delete;

  /// A communicator of this process. Its ranks give it the same name, and no other communicator has it. compared: every
  /// rank makes the same calls with the same numbers. Past some dozens of groups further ones are not recorded.
  Group open(std::string_view name, bool compared);

  /// From here on the record lies in `folder`. @throws core::Error when the file cannot be made.
  void keep_in(const std::filesystem::path& folder);
  /// Takes the file away: the run ended well.
  void discard() noexcept;
  void set_state(RankState state);
  /// For a signal handler.
  std::atomic<std::int32_t>& state();

 private:
  FlightPage* page_;
  std::unique_ptr<Descriptor> file_;  ///< locked as long as this process lives, which tells the others that it does
};

/// What a rank's file says of one communicator.
struct RecordedGroup {
  std::string name;
  bool compared = false;
  std::int64_t called = -1;  ///< the last one; -1: none
  std::int64_t begun = -1;
  std::int64_t ended = -1;
  std::string text;  ///< of the one begun

  bool is_pending() const { return begun > ended; }
};

struct RecordedRank {
  int rank = 0;
  std::string node;
  RankState state = RankState::kRunning;
  bool lives = false;
  std::vector<RecordedGroup> groups;
};

/// The records in a folder, by rank. Files that are not whole are left out.
std::vector<RecordedRank> read_flight_records(const std::filesystem::path& folder);

/// One line that names the rank at which the others wait, or that is gone, its node, and the operation that it never
/// entered, as far as the records tell; empty where they do not.
std::string explain_stall(const std::vector<RecordedRank>& ranks);

/// True for the first who asks, among all processes that share the folder: of one failure one rank speaks. Leaves
/// `line` in the folder's failure.txt. Also true where no such file can be made.
bool claim_failure(const std::filesystem::path& folder, std::string_view line);

/// By this variable tools/launch names a file, in which rank 0 leaves the folder of these records, so that the launcher
/// can read them when no rank is left.
inline constexpr const char* kLaunchNote = "TRAINYARD_LAUNCH_NOTE";
/// Leaves it there; does nothing without that variable, or where it cannot be written.
void leave_launch_note(const std::filesystem::path& folder) noexcept;
/// Whether a launcher reads such notes.
bool has_launch_note();

/// In the folder of a start that stopped in order because it was asked to: it is to be started again. For the launcher,
/// since ranks that end with a status of their own would have srun or mpirun kill their peers.
inline constexpr const char* kStoppedMark = "stopped";

}  // namespace trainyard::core
