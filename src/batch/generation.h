#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "batch/site.h"
#include "config/run_config.h"

namespace trainyard::batch {

/// What tools/generate is asked to write.
struct GenerationRequest {
  std::filesystem::path root;  ///< the checkout: slurm/configs, slurm/studies, slurm/sites and slurm/*.sbatch lie there
  std::string site{kDefaultSite};
  std::string account;     ///< for all files; empty: what each config says, or else the user's own site file
  std::string constraint;  ///< for all files that ask for GPUs and name none; empty: none
  /// Configs and studies; empty: all of slurm/configs and slurm/studies that have a [slurm] section.
  std::vector<std::filesystem::path> configs;
};

/// One sbatch file as it ought to be.
struct GeneratedFile {
  /// Under the root: slurm/NAME.sbatch, of a study slurm/studies/STUDY/NAME.sbatch; for another site than generic the
  /// same in slurm/SITE.
  std::filesystem::path path;
  std::string text;
  std::string study;           ///< that it is a part of; empty: none
  std::string account;         ///< that the file names; empty: none
  int jobs = 1;                ///< that submitting it makes: the tasks of an array
  bool follows_study = false;  ///< to be started when all other jobs of its study have ended
};

/// How the file of a config stands on disk against what it ought to be.
enum class Drift { kNone, kMissing, kDiffers, kOrphan };

struct FileState {
  std::filesystem::path path;  ///< as in GeneratedFile
  Drift drift = Drift::kNone;
  std::string on_disk;  ///< empty when missing
};

/// All files of the request, sorted by path; nothing is written. Throws core::UsageError for the first config that
/// cannot be one, so that a request is written as a whole or not at all.
std::vector<GeneratedFile> generate(const GenerationRequest& request);

/// Fills in what the request and the user's own site file say of an account and of the kind of GPU.
void apply_request(const GenerationRequest& request, const SiteProfile& site, config::SlurmRequest& slurm);

/// Compares with the disk. Generated files whose config is gone are kOrphan: all of the site's, or where the request
/// names its configs those in the folders of its studies.
std::vector<FileState> compare(const GenerationRequest& request, const std::vector<GeneratedFile>& files);

/// The command line with the request's site and account, its configs left to add.
std::string generate_command(const GenerationRequest& request);

/// Throws core::Error where the file's place is taken by one that tools/generate did not write, or wrote from another
/// config.
void refuse_strangers(const GenerationRequest& request, const GeneratedFile& file);

/// Writes the file, and its folder where that is missing; refuses strangers.
void write(const GenerationRequest& request, const GeneratedFile& file);

/// The checkout that `start` lies in: the nearest folder upward with slurm/sites; none where there is none.
std::optional<std::filesystem::path> find_root(const std::filesystem::path& start);

}  // namespace trainyard::batch
