#include "batch/study_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "batch/directives.h"
#include "batch/quote.h"
#include "batch/sbatch_file.h"
#include "batch/script_parts.h"
#include "batch/validate.h"
#include "config/parse.h"
#include "core/error.h"
#include "core/hash.h"

namespace trainyard::batch {
namespace {

constexpr const char* kCollectName = "collect";
constexpr std::int64_t kCollectMemoryMib = 4 * 1024;
constexpr std::int64_t kCollectTime_s = 3600;

/// What is the same for all files of one study.
struct Context {
  const GenerationRequest& request;
  const SiteProfile& site;
  const config::Study& study;
  std::string study_path;
  std::filesystem::path folder;
  std::string command;
};

/// The request as one text: points with the same one can share a job array.
std::string request_text(const config::RunConfig& config) {
  std::string text;
  for (const config::Option& option : config::option_table()) {
    if (option.in_slurm_section()) text += option.get(config) + "\n";
  }
  return text;
}

GeneratedFile file_of(const Context& context, const std::string& name, int jobs, const SbatchJob& job) {
  return {context.folder / (name + ".sbatch"),
          sbatch_text(job),
          context.study.name,
          job.config.slurm->account,
          jobs,
          false};
}

SbatchJob job_of(const Context& context, config::RunConfig config) {
  SbatchJob job;
  job.config = std::move(config);
  job.site = context.site;
  job.config_path = context.study_path;
  job.command = context.command;
  return job;
}

std::vector<GeneratedFile> point_files(const Context& context) {
  std::vector<GeneratedFile> files;
  for (const config::StudyPoint& point : context.study.points) {
    if (point.config.name == kCollectName && context.study.collect) {
      throw core::UsageError(
          fmt::format("{}: point {} is called {}, as the job behind the last point: set name in "
                      "[study]",
                      context.study_path, point.label, kCollectName));
    }
    SbatchJob job = job_of(context, point.config);
    job.arguments = point.arguments;
    files.push_back(file_of(context, point.config.name, 1, job));
  }
  return files;
}

int throttle_of(const Context& context) {
  const int own = context.study.throttle;
  const int sites = context.site.array_throttle;
  return own > 0 && sites > 0 ? std::min(own, sites) : std::max(own, sites);
}

std::vector<GeneratedFile> array_files(const Context& context) {
  std::vector<std::vector<const config::StudyPoint*>> groups;
  std::map<std::string, std::size_t> group_of;  // by request, numbered as they come
  for (const config::StudyPoint& point : context.study.points) {
    const auto [group, is_new] = group_of.emplace(request_text(point.config), groups.size());
    if (is_new) groups.emplace_back();
    groups[group->second].push_back(&point);
  }
  std::vector<GeneratedFile> files;
  for (const auto& group : groups) {
    if (const int most = context.site.max_array_size; most > 0 && group.size() > static_cast<std::size_t>(most)) {
      throw core::UsageError(
          fmt::format("{}: a job array of {} tasks is more than site {} takes: at most {}; make it "
                      "several studies",
                      context.study_path, group.size(), context.site.name, most));
    }
    std::string name = "array";
    SbatchJob job = job_of(context, group.front()->config);
    job.config.name = context.study.name;
    if (groups.size() > 1) {
      const std::string number = fmt::format("-{}", files.size() + 1);
      name += number;
      job.config.name += number;
    }
    std::string digests;
    for (const config::StudyPoint* point : group) {
      job.tasks.push_back(point->arguments);
      digests += config::config_digest(point->config);
    }
    job.digest = core::xxh3_64_hex(digests);
    job.throttle = throttle_of(context);
    files.push_back(file_of(context, name, static_cast<int>(group.size()), job));
  }
  return files;
}

/// One CPU of one node, whatever the study asks for.
config::RunConfig collect_request(const Context& context) {
  config::RunConfig config;
  config.name = context.study.name + "-" + kCollectName;
  config.slurm.emplace();
  config.slurm->cpus_per_rank = 1;
  config.slurm->memory_mib = kCollectMemoryMib;
  config.slurm->time_s = kCollectTime_s;
  config.slurm->account = context.study.points.front().config.slurm->account;
  return config;
}

GeneratedFile collect_file(const Context& context) {
  const config::RunConfig config = collect_request(context);
  validate_request(config, context.site, context.study_path);
  const config::SlurmRequest& request = *config.slurm;
  Directives directives;
  directives.job_name = config.name;
  directives.account = request.account;
  directives.partition = context.site.partition;
  directives.memory_mib = request.memory_mib;
  directives.time_s = request.time_s;
  directives.requeue = context.site.always_requeue;
  if (directives.requeue) directives.comment = context.site.requeue_comment;
  std::string names;
  std::string folders = "runs=(\n";
  for (const config::StudyPoint& point : context.study.points) {
    names += point.config.name + "\n";
    folders += fmt::format("  results/{}\n", bash_word(point.config.name, "name"));
  }
  folders += ")\n";
  std::string text =
      script_head({context.study_path, context.site.name, core::xxh3_64_hex(names), context.command}, directives);
  text += account_note(context.site, request.account);
  text += script_setup(context.site);
  text += folders;
  // A point that never started has no folder, and the report is of the others.
  text += "folders=()\n";
  text += "for run in \"${runs[@]}\"; do if [ -d \"$run\" ]; then folders+=(\"$run\"); fi; done\n";
  text += "[ \"${#folders[@]}\" -gt 0 ] || { echo \"none of the study's runs is in results\" >&2; exit 1; }\n";
  text += container_setup(context.site, false);
  text +=
      fmt::format("exec {}tools/collect \"${{folders[@]}}\" --format text,html,json,csv --output results/{} \"$@\"\n",
                  container_prefix(context.site), bash_word(context.study.name, "name"));
  return {context.folder / fmt::format("{}.sbatch", kCollectName),
          std::move(text),
          context.study.name,
          request.account,
          1,
          true};
}

}  // namespace

std::vector<GeneratedFile> study_files(const GenerationRequest& request, const SiteProfile& site, config::Study study,
                                       const std::string& study_path, const std::filesystem::path& folder) {
  for (config::StudyPoint& point : study.points) {
    if (!point.config.slurm) {
      throw core::UsageError(
          fmt::format("{}: has no [slurm] section, so there is no request to write: add one, or "
                      "use tools/launch",
                      study_path));
    }
    apply_request(request, site, *point.config.slurm);
    try {
      validate_request(point.config, site, "point " + point.label);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("{}: {}", study_path, error.what()));
    }
  }
  const Context context{request,    site,   study,
                        study_path, folder, generate_command(request) + " " + bash_word(study_path, "config")};
  std::vector<GeneratedFile> files = study.array ? array_files(context) : point_files(context);
  if (study.collect) files.push_back(collect_file(context));
  return files;
}

}  // namespace trainyard::batch
