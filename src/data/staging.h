#pragma once

#include <cstdint>
#include <filesystem>

namespace trainyard::data {

/// Where a job may keep files on its node's own disk: the first of $SLURM_TMPDIR, $SLURM_JOBTMP and $TMPDIR that is
/// set.
/// @throws core::UsageError where none is set, or that one is no folder.
std::filesystem::path staging_folder();

/// A copy of a file, deleted with this object; whoever has it open or mapped by then keeps it, and nothing is left when
/// the last of them ends, however it ends.
class StagedFile {
 public:
  /// @throws core::UsageError where the folder of `copy` has no room for it; core::Error naming the file when it cannot
  ///         be copied. Nothing is left behind then.
  StagedFile(const std::filesystem::path& source, std::filesystem::path copy);
  ~StagedFile();
  StagedFile(const StagedFile&) = delete;
  StagedFile& operator=(const StagedFile&) = delete;

 private:
  std::filesystem::path copy_;
};

}  // namespace trainyard::data
