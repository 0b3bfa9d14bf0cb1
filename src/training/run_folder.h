#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"

namespace trainyard::training {

/// Where a run is written: `root` is <output>, by default results/<config name>/<job id, or local time>; `attempt` is
/// the first restart-NNN in it that did not exist. Rank 0 makes the folders, all ranks get their names.
class RunFolder {
 public:
  /// Collective over control. @throws core::Error on every rank when rank 0 cannot make the folders.
  RunFolder(const config::RunConfig& config, comm::Communicator& control);
  /// Unless keep() was called, takes away what this object made, and nothing of other runs beside it: a run that never
  /// began leaves nothing. Logs in it are closed by then.
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  const std::filesystem::path& root() const { return root_; }
  const std::filesystem::path& attempt() const { return attempt_; }
  int restart() const { return restart_; }
  /// The last part of root: the job's id or the time.
  std::string job() const { return root_.filename().string(); }
  /// attempt/rank-00000.h5.
  std::filesystem::path log_file(int rank) const;
  void keep() { kept_ = true; }

 private:
  void create(const config::RunConfig& config);
  void remove_created() noexcept;

  std::filesystem::path root_;
  std::filesystem::path attempt_;
  int restart_ = 0;
  std::vector<std::filesystem::path> created_;  ///< by create(), outermost first
  bool kept_ = false;
};

/// The id of the Slurm job that this process belongs to (ARRAY_TASK for an array's task); empty outside of one.
std::string slurm_job();

}  // namespace trainyard::training
