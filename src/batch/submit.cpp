#include "batch/submit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "batch/command.h"
#include "batch/validate.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

constexpr std::array<std::string_view, 6> kLeaking{"SLURM_", "SLURMD_", "SBATCH_", "PMIX_", "PMI_", "PMI2_"};
constexpr std::array<std::string_view, 2> kKept{"SLURM_CONF", "SLURM_JWT"};

std::string listed(const std::vector<SubmittedJob>& jobs) {
  std::string text;
  for (const SubmittedJob& job : jobs)
    text += " " + job.id;
  return text;
}

/// All jobs of one study, as --dependency takes them.
std::string dependency(const std::vector<std::string>& jobs) {
  return fmt::format("--dependency=afterany:{}", fmt::join(jobs, ":"));
}

}  // namespace

std::vector<std::string> leaked_variables(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> names;
  for (const auto& [name, value] : environment) {
    const auto begins = [&name = name](std::string_view prefix) { return name.starts_with(prefix); };
    const bool leaks = std::ranges::any_of(kLeaking, begins) || name == "CUDA_VISIBLE_DEVICES";
    if (leaks && std::ranges::find(kKept, name) == kKept.end()) names.push_back(name);
  }
  return names;
}

void validate_submission(const std::vector<GeneratedFile>& files, const SiteProfile& site, const std::string& account) {
  validate_account(account, site, "SBATCH_ACCOUNT or --account");
  for (const GeneratedFile& file : files) {
    if (!site.account_required || !account.empty() || !file.account.empty()) continue;
    throw core::UsageError(
        fmt::format("{}: site {} wants an account{}: give --account, set SBATCH_ACCOUNT, or write `account = ...` into "
                    "slurm/sites/{}.local.cfg",
                    file.path.string(), site.name,
                    site.account_form.empty() ? std::string() : fmt::format(" like {}", site.account_form), site.name));
  }
  const int jobs = std::accumulate(files.begin(), files.end(), 0,
                                   [](int sum, const GeneratedFile& file) { return sum + file.jobs; });
  if (site.max_jobs > 0 && jobs > site.max_jobs) {
    throw core::UsageError(
        fmt::format("these are {} jobs, each task of an array counted, and site {} takes {} of a "
                    "user at a time: submit them in parts",
                    jobs, site.name, site.max_jobs));
  }
}

std::string run_sbatch(const std::vector<std::string>& command) {
  const CommandOutput output = read_command(command);
  if (output.status != 0) {
    const std::string text = core::one_line(output.text);
    throw core::Error(text.empty() ? fmt::format("sbatch ended with exit status {}", output.status) : text);
  }
  // --parsable prints ID or ID;CLUSTER; what the site has to say besides stands on other lines.
  for (const std::string_view line : core::split(output.text, '\n')) {
    const std::string_view id = line.substr(0, line.find(';'));
    if (core::parse_int64(id)) return std::string(id);
  }
  throw core::Error(fmt::format("sbatch names no job: {}", core::one_line(output.text)));
}

void submit(const std::vector<GeneratedFile>& files, const std::string& account, const Submitter& submitter,
            const std::function<void(const SubmittedJob&)>& report) {
  std::vector<SubmittedJob> submitted;
  std::map<std::string, std::vector<std::string>> jobs_of;  // by study
  const auto hand_over = [&](const GeneratedFile& file) {
    std::vector<std::string> command{"sbatch", "--parsable"};
    if (!account.empty()) command.push_back("--account=" + account);
    if (file.follows_study) command.push_back(dependency(jobs_of[file.study]));
    command.push_back(file.path.string());
    try {
      submitted.push_back({file.path, submitter(command)});
    } catch (const core::Error& error) {
      throw core::Error(fmt::format(
          "{}: not submitted: {}{}", file.path.string(), error.what(),
          submitted.empty() ? std::string()
                            : fmt::format("; jobs before it (scancel takes them back):{}", listed(submitted))));
    }
    if (!file.study.empty() && !file.follows_study) jobs_of[file.study].push_back(submitted.back().id);
    report(submitted.back());
  };
  for (const GeneratedFile& file : files) {
    if (!file.follows_study) hand_over(file);
  }
  for (const GeneratedFile& file : files) {
    if (file.follows_study) hand_over(file);
  }
}

}  // namespace trainyard::batch
