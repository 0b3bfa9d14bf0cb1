#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "batch/generation.h"
#include "batch/site.h"

namespace trainyard::batch {

/// The variables of `environment` that a job must not inherit from the shell that submits it: what a job or an MPI
/// launcher left there (SLURM_*, SBATCH_*, PMIX_* and the like) would be taken for the new job's own. How to reach
/// Slurm (SLURM_CONF, SLURM_JWT) stays.
std::vector<std::string> leaked_variables(const std::map<std::string, std::string>& environment);

/// Refuses what the site would not take: more jobs than a user may have, and a job without the account that it wants.
/// `account` is that of the submission; empty: each file's own.
void validate_submission(const std::vector<GeneratedFile>& files, const SiteProfile& site, const std::string& account);

/// Hands one sbatch command over and returns the job's id. Throws core::Error saying why it was refused.
using Submitter = std::function<std::string(const std::vector<std::string>& command)>;

/// By running it.
std::string run_sbatch(const std::vector<std::string>& command);

struct SubmittedJob {
  std::filesystem::path file;
  std::string id;
};

/// Submits the files, in their order, and behind them those that follow their study: these are started when all jobs of
/// the study have ended, however they did. Tells `report` of each at once. Throws core::Error that names the file that
/// was refused and the jobs that were submitted before it.
void submit(const std::vector<GeneratedFile>& files, const std::string& account, const Submitter& submitter,
            const std::function<void(const SubmittedJob&)>& report);

}  // namespace trainyard::batch
