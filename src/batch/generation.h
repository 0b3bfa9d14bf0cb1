#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace trainyard::batch {

/// The site whose files lie in slurm itself.
inline constexpr const char* kDefaultSite = "generic";

/// What tools/generate is asked to write.
struct GenerationRequest {
  std::filesystem::path root;  ///< the checkout: slurm/configs, slurm/sites and slurm/*.sbatch lie under it
  std::string site = kDefaultSite;
  std::string account;                         ///< for all files; empty: what each config says
  std::vector<std::filesystem::path> configs;  ///< empty: all of slurm/configs that have a [slurm] section
};

/// One sbatch file as it ought to be.
struct GeneratedFile {
  std::filesystem::path
      path;  ///< under the root: slurm/NAME.sbatch, for another site than generic slurm/SITE/NAME.sbatch
  std::string text;
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

/// Compares with the disk. Where the request names no configs, generated files whose config is gone are kOrphan.
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
