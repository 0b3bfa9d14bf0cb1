#pragma once

#include <filesystem>
#include <string>

#include "comm/communicator.h"
#include "config/run_config.h"

namespace trainyard::training {

/// Where a run is written: `root` is <output>, by default results/<config name>/<job id, or local time>; `attempt` is
/// the first restart-NNN in it that did not exist. Rank 0 makes the folders, all ranks get their names.
class RunFolder {
 public:
  /// Collective over control. @throws core::Error on every rank when rank 0 cannot make the folders.
  RunFolder(const config::RunConfig& config, comm::Communicator& control);
  /// Takes the folders that this object made away again, unless keep() was called: a run that never began leaves
  /// nothing.
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
  std::filesystem::path first_created_;  ///< the outermost folder that create() made; empty: none
  bool kept_ = false;
};

/// The id of the Slurm job that this process belongs to (ARRAY_TASK for an array's task), else the local time as
/// 20260131-235959.
std::string job_name();

}  // namespace trainyard::training
