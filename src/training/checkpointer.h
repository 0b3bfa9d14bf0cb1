#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "parallel/state.h"
#include "training/checkpoint.h"

namespace trainyard::training {

/// Saves a run's checkpoints while it trains. The state is copied, which is all that training waits for; a thread on
/// each rank writes its shard; once the ranks know that all of them are written, rank 0 gives the checkpoint its name
/// and removes the oldest. Only whole checkpoints are ever visible. A save that fails leaves those before it, and is
/// said, and the run goes on.
class Checkpointer {
 public:
  /// Takes what happened, for the log and the user: one line.
  using Tell = std::function<void(const std::string& line)>;

  /// Below `folder`, which need not exist yet. What an earlier start left unfinished there is removed. restart: the
  /// number of this start.
  Checkpointer(const config::RunConfig& config, const comm::World& world, std::filesystem::path folder,
               std::int64_t restart, Tell tell);
  /// Waits for this rank's writing. What is not whole by then is removed, by rank 0.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Whether one is to be saved after that many steps. The same on all ranks.
  bool due(std::int64_t step) const { return every_ > 0 && step % every_ == 0; }
  /// Whether one is to be saved at this time of core::steady_ns(). Each rank has its own idea: agree before acting.
  bool due_at(std::int64_t now_ns) const;
  /// Whether the run's last step is saved: where checkpoints are asked for, and in a run that was long enough for some.
  bool saves_the_end() const;

  /// Copies the state and has it written. own: this rank's part of the epoch's sums; note.sums and note.restart are
  /// filled in here. Collective; waits for a save that is still under way.
  void begin(const std::vector<parallel::StatePiece>& state, CheckpointNote note, EpochSums own);
  /// Between begin() and settle(); the same on all ranks.
  bool under_way() const { return writing_.valid(); }
  /// This rank's writing has ended, well or badly.
  bool written() const;
  /// Collective, where a save is under way: waits until all ranks have written, and makes it visible or gives it up.
  void settle();

  /// The last step that was saved by this run; -1: none.
  std::int64_t saved_step() const { return saved_step_; }
  /// Seconds that the last save took, from begin() until it was visible; 0: none was.
  double last_save_s() const { return last_save_s_; }

 private:
  std::filesystem::path aside() const;
  void remove_aside() const noexcept;
  void remove_oldest() const;

  const comm::World& world_;
  std::filesystem::path folder_;
  std::int64_t restart_;
  std::int64_t every_;
  std::size_t kept_;
  Tell tell_;

  CheckpointNote note_;               ///< of the save under way
  std::int64_t begun_ns_;             ///< the latest save, or before the first this object's life
  std::future<std::string> writing_;  ///< this rank's lines of the manifest
  std::int64_t saved_step_ = -1;
  double last_save_s_ = 0.0;
};

}  // namespace trainyard::training
