#include "batch/sbatch_file.h"

#include <fmt/format.h>

#include "batch/directives.h"
#include "batch/quote.h"
#include "batch/script_parts.h"
#include "batch/validate.h"
#include "config/parse.h"

namespace trainyard::batch {
namespace {

/// What only measures can be started again as it is.
bool saves_checkpoints(const SbatchJob& job) {
  return !job.config.inference;
}

/// Whether a job that stopped before its time limit is to be started again.
bool goes_on_by_itself(const SbatchJob& job) {
  return saves_checkpoints(job) && (job.config.slurm->requeue || job.site.always_requeue);
}

Directives directives_of(const SbatchJob& job) {
  const config::SlurmRequest& request = *job.config.slurm;
  Directives directives;
  directives.job_name = job.config.name;
  directives.nodes = request.nodes;
  directives.tasks_per_node = request.ranks_per_node;
  directives.cpus_per_task = request.cpus_per_rank;
  directives.gpus_per_node = request.gpus_per_node;
  directives.memory_mib = request.memory_mib;
  directives.time_s = request.time_s;
  directives.partition = job.site.partition;
  directives.account = request.account;
  directives.requeue = request.requeue || job.site.always_requeue;
  if (directives.requeue) directives.comment = job.site.requeue_comment;
  if (saves_checkpoints(job)) directives.signal_s = request.signal_s;
  directives.array_tasks = static_cast<int>(job.tasks.size());
  directives.array_throttle = job.throttle;
  const bool with_gpus = request.gpus_per_node > 0;
  if (job.site.gpu_request == GpuRequestStyle::kTypedGres && with_gpus) {
    directives.gpu_type = request.constraint;
  } else if (job.site.gpu_request == GpuRequestStyle::kPartition) {
    if (!request.constraint.empty()) directives.partition = request.constraint;
  } else {
    directives.constraint = request.constraint;
  }
  return directives;
}

/// Puts the arguments of this task before those of the command line.
std::string choice_of_task(const std::vector<std::vector<std::string>>& tasks) {
  if (tasks.empty()) return {};
  std::string text = "case ${SLURM_ARRAY_TASK_ID:?is not set: submit this file with sbatch} in\n";
  for (std::size_t i = 0; i < tasks.size(); ++i)
    text += fmt::format("  {}) set --{} \"$@\" ;;\n", i, bash_words(tasks[i]));
  text += "  *) echo \"this array has no task $SLURM_ARRAY_TASK_ID\" >&2; exit 2 ;;\n";
  return text + "esac\n";
}

std::string launcher_option(LauncherKind launcher) {
  switch (launcher) {
    case LauncherKind::kAuto:
      return "";
    case LauncherKind::kSrun:
      return " --launcher srun";
    case LauncherKind::kMpirun:
      return " --launcher mpirun";
  }
  return "";
}

}  // namespace

std::string sbatch_text(const SbatchJob& job) {
  validate_request(job.config, job.site, job.config_path);
  std::string text = script_head({job.config_path, job.site.name,
                                  job.digest.empty() ? config::config_digest(job.config) : job.digest, job.command},
                                 directives_of(job));
  text += account_note(job.site, job.config.slurm->account);
  text += script_setup(job.site);
  text += choice_of_task(job.tasks);
  text += container_setup(job.site, job.config.slurm->gpus_per_node > 0);
  const std::string command = container_prefix(job.site) + "tools/";
  const std::string launch = "tools/launch" + launcher_option(job.site.launcher);
  if (job.site.doctor) text += fmt::format("{} -- {}doctor --json\n", launch, command);
  // By exec the launcher gets the signals that Slurm sends to the script.
  text += fmt::format("exec {}{} -- {}{} --config {}{} \"$@\"\n", launch, goes_on_by_itself(job) ? " --requeue" : "",
                      command, job.config.inference ? "infer" : "train", bash_word(job.config_path, "config"),
                      bash_words(job.arguments));
  return text;
}

}  // namespace trainyard::batch
