#include "batch/sbatch_file.h"

#include <fmt/format.h>

#include "batch/directives.h"
#include "batch/quote.h"
#include "batch/validate.h"
#include "config/parse.h"

namespace trainyard::batch {
namespace {

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
  directives.requeue = request.requeue;
  // What only measures can be started again as it is.
  if (!job.config.inference) directives.signal_s = request.signal_s;
  if (job.site.gpu_request == GpuRequestStyle::kTypedGres && request.gpus_per_node > 0) {
    directives.gpu_type = request.constraint;
  } else {
    directives.constraint = request.constraint;
  }
  return directives;
}

std::string account_note(const SbatchJob& job) {
  if (!job.site.account_required || !job.config.slurm->account.empty()) return {};
  const std::string form = job.site.account_form.empty() ? "NAME" : job.site.account_form;
  return fmt::format("# This site wants an account: sbatch --account={} ..., or export SBATCH_ACCOUNT.\n", form);
}

std::string modules(const SiteProfile& site) {
  std::string text;
  for (const std::string& module : site.modules)
    text += fmt::format("module load {}\n", bash_word(module, "modules"));
  return text.empty() ? text : text + "\n";
}

std::string data_folder(const SiteProfile& site) {
  if (site.scratch_variable.empty()) return {};
  return fmt::format(
      "if [ -n \"${{{0}:-}}\" ]; then export TRAINYARD_DATA=\"${{TRAINYARD_DATA:-${0}/trainyard-data}}\"; fi\n",
      site.scratch_variable);
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
  const std::string config_word = bash_word(job.config_path, "config");
  std::string text = "#!/bin/bash\n";
  text +=
      fmt::format("{}{} for site {}: change the config, not this file.\n", kGeneratedMark, config_word, job.site.name);
  text += fmt::format("# Config digest {}. Again: {}\n", config::config_digest(job.config), job.command);
  for (const std::string& line : directive_lines(directives_of(job)))
    text += fmt::format("#SBATCH {}\n", line);
  text += account_note(job);
  text += "\n";
  text += modules(job.site);  // before `set`, which many module systems do not survive
  text += "set -euo pipefail\n";
  // Slurm runs a copy of this file from its spool folder.
  text += "cd -- \"${SLURM_SUBMIT_DIR:?is not set: submit this file with sbatch}\"\n";
  text +=
      "[ -x tools/launch ] || { echo \"$PWD: no tools/launch here: submit from the checkout's root\" >&2; exit 2; }\n";
  text += data_folder(job.site);
  // By exec the launcher gets the signals that Slurm sends to the script.
  text += fmt::format("exec tools/launch{}{} -- tools/{} --config {} \"$@\"\n", launcher_option(job.site.launcher),
                      job.config.slurm->requeue ? " --requeue" : "", job.config.inference ? "infer" : "train",
                      config_word);
  return text;
}

}  // namespace trainyard::batch
