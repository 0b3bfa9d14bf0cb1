#pragma once

#include <cstdint>
#include <filesystem>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::batch {

/// How a site wants GPUs to be asked for.
enum class GpuRequestStyle {
  kGres,       ///< --gres=gpu:N; the kind of GPU, if any, is a --constraint
  kTypedGres,  ///< --gres=gpu:KIND:N; the kind is what the request's `constraint` names
  kPartition,  ///< --gres=gpu:N; the request's `constraint` names the partition, which is of one kind
};

/// What starts the ranks of a job.
enum class LauncherKind {
  kAuto,    ///< srun with the PMIx kind it offers, mpirun where it offers none
  kSrun,    ///< srun, and an error where it offers no PMIx
  kMpirun,  ///< mpirun, whatever srun offers
};

/// The nodes that have one feature, or make up one partition.
struct NodeKind {
  std::string name;  ///< as a request's `constraint` names it
  int gpus = 0;
  int cpus = 0;
  std::int64_t memory_mib = 0;
};

/// The container that ranks run in, where the site has one.
struct ContainerProfile {
  std::string command = "apptainer";
  std::string image;               ///< empty: none
  std::string overlay;             ///< a file that is laid over the image, always read-only; empty: none
  std::vector<std::string> binds;  ///< folders of the host that the container sees besides its own
};

/// An ECMAScript regular expression for a whole account, compiled once for the thousands of jobs it may judge.
class AccountPattern {
 public:
  AccountPattern() = default;  ///< any account
  /// Throws std::regex_error.
  explicit AccountPattern(const std::string& text) : text_(text), regex_(text) {}

  const std::string& text() const { return text_; }
  bool takes(const std::string& account) const { return text_.empty() || std::regex_match(account, regex_); }

 private:
  std::string text_;
  std::regex regex_;
};

/// What trainyard knows about a site: one file slurm/sites/NAME.cfg, whose comments give each fact's source and date,
/// and over it NAME.local.cfg, which is the user's own and not committed. docs/sites.md explains every key. 0 and empty
/// mean that nothing is known, and then nothing is checked.
struct SiteProfile {
  std::string name;   ///< the file's stem, without .local
  std::string title;  ///< for people
  bool slurm = true;  ///< false: no batch system, tools/launch alone
  LauncherKind launcher = LauncherKind::kAuto;
  GpuRequestStyle gpu_request = GpuRequestStyle::kGres;
  std::string partition;  ///< empty: none is named and the site routes the job
  std::string account;    ///< the user's, from the local file alone; empty: none
  bool account_required = false;
  std::string account_form;  ///< for people, such as torch_pr_NNN_name
  AccountPattern account_pattern;
  std::vector<std::string> constraints;   ///< features that a request may name; empty: any
  std::vector<NodeKind> nodes;            ///< the kinds of nodes that are known; empty: none is
  std::vector<std::string> module_paths;  ///< folders of modulefiles besides the site's own
  std::vector<std::string> modules;       ///< loaded, in this order, before the ranks start
  ContainerProfile container;
  std::string scratch_variable;  ///< names the folder under which data sets lie when TRAINYARD_DATA is not set
  int max_gpus_per_node = 0;
  int max_cpus_per_node = 0;
  std::int64_t max_memory_mib = 0;  ///< of one node
  std::int64_t max_time_s = 0;
  int max_nodes = 0;            ///< of one job
  int max_gpus = 0;             ///< of one job, all nodes together
  int max_array_size = 0;       ///< tasks of one job array
  int array_throttle = 0;       ///< tasks of one array that may run at a time
  int max_jobs = 0;             ///< that a user may submit at a time, each task of an array counted
  bool doctor = false;          ///< every job runs tools/doctor first
  bool always_requeue = false;  ///< nodes may be taken away: every job asks to be started again
  std::string requeue_comment;  ///< --comment of a job that may be started again; empty: none
};

/// The site whose files are committed in slurm itself: it has no local file, lest what is a user's own be committed.
inline constexpr std::string_view kDefaultSite = "generic";

/// Reads one profile's file over what is known already. Throws core::UsageError naming file, line and key.
void read_site(const std::filesystem::path& file, SiteProfile& site);

/// The profile called `name` in `folder` (slurm/sites), from NAME.cfg and NAME.local.cfg, of which one may be missing.
/// An unknown name is refused with the nearest and all known ones.
SiteProfile find_site(const std::filesystem::path& folder, std::string_view name);

}  // namespace trainyard::batch
