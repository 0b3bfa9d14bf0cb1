#include "batch/directives.h"

#include <fmt/format.h>

#include "batch/quote.h"
#include "config/slurm_units.h"

namespace trainyard::batch {

std::vector<std::string> directive_lines(const Directives& directives) {
  std::vector<std::string> lines;
  const auto add = [&lines](std::string_view option, const std::string& value) {
    lines.push_back(fmt::format("--{}={}", option, value));
  };
  const auto add_named = [&add](std::string_view option, const std::string& value) {
    if (!value.empty()) add(option, sbatch_value(value, option));
  };
  add("job-name", sbatch_value(directives.job_name, "job name"));
  add_named("account", directives.account);
  add_named("partition", directives.partition);
  add("nodes", fmt::format("{}", directives.nodes));
  add("ntasks-per-node", fmt::format("{}", directives.tasks_per_node));
  add("cpus-per-task", fmt::format("{}", directives.cpus_per_task));
  if (directives.gpus_per_node > 0) {
    const std::string type =
        directives.gpu_type.empty() ? std::string() : sbatch_value(directives.gpu_type, "constraint") + ":";
    add("gres", fmt::format("gpu:{}{}", type, directives.gpus_per_node));
  }
  add_named("constraint", directives.constraint);
  add("mem", config::format_memory_mib(directives.memory_mib));
  add("time", config::format_time_s(directives.time_s));
  lines.emplace_back(directives.requeue ? "--requeue" : "--no-requeue");
  // B: to the script alone, which hands it on; Slurm may send it up to a minute early.
  if (directives.signal_s > 0) add("signal", fmt::format("B:USR2@{}", directives.signal_s));
  add_named("comment", directives.comment);
  if (directives.array_tasks > 0) {
    const std::string throttle =
        directives.array_throttle > 0 ? fmt::format("%{}", directives.array_throttle) : std::string();
    add("array", fmt::format("0-{}{}", directives.array_tasks - 1, throttle));
  }
  add("output", directives.array_tasks > 0 ? "results/%x-%A_%a.out" : "results/%x-%j.out");
  add("open-mode", "append");
  return lines;
}

}  // namespace trainyard::batch
