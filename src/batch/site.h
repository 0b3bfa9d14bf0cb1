#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::batch {

/// How a site wants GPUs to be asked for.
enum class GpuRequestStyle {
  kGres,       ///< --gres=gpu:N; the kind of GPU, if any, is a --constraint
  kTypedGres,  ///< --gres=gpu:KIND:N; the kind is what the request's `constraint` names
};

/// What starts the ranks of a job.
enum class LauncherKind {
  kAuto,    ///< srun with the PMIx kind it offers, mpirun where it offers none
  kSrun,    ///< srun, and an error where it offers no PMIx
  kMpirun,  ///< mpirun, whatever srun offers
};

/// What trainyard knows about a site: one file slurm/sites/NAME.cfg, whose comments give each fact's source and date.
/// docs/sites.md explains every key. 0 and empty mean that nothing is known, and then nothing is checked.
struct SiteProfile {
  std::string name;   ///< the file's stem
  std::string title;  ///< for people
  bool slurm = true;  ///< false: no batch system, tools/launch alone
  LauncherKind launcher = LauncherKind::kAuto;
  GpuRequestStyle gpu_request = GpuRequestStyle::kGres;
  std::string partition;  ///< empty: none is named and the site routes the job
  bool account_required = false;
  std::string account_form;              ///< for people, such as torch_pr_NNN_name
  std::string account_pattern;           ///< ECMAScript regular expression for a whole account; empty: any
  std::vector<std::string> constraints;  ///< features that a request may name; empty: any
  std::vector<std::string> modules;      ///< loaded, in this order, before the ranks start
  std::string scratch_variable;          ///< names the folder under which data sets lie when TRAINYARD_DATA is not set
  int max_gpus_per_node = 0;
  int max_cpus_per_node = 0;
  std::int64_t max_memory_mib = 0;  ///< of one node
  std::int64_t max_time_s = 0;
};

/// Reads one profile. Throws core::UsageError naming file, line and key.
SiteProfile read_site(const std::filesystem::path& file);

/// The profile called `name` in `folder` (slurm/sites). An unknown name is refused with the nearest and all known ones.
SiteProfile find_site(const std::filesystem::path& folder, std::string_view name);

}  // namespace trainyard::batch
