#include "batch/launch_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

constexpr std::string_view kMissingMpirun =
    "mpirun is not on the PATH: load the site's OpenMPI module, or install openmpi-bin";

/// Steps above this number are Slurm's own: the batch script, an interactive allocation, ...
constexpr std::int64_t kFirstSpecialStep = 0xfffffff0;

std::string value_or_empty(const Surroundings& surroundings, const std::string& name) {
  const auto found = surroundings.environment.find(name);
  return found == surroundings.environment.end() ? std::string() : found->second;
}

/// A positive number from the environment, or 0.
int number(const Surroundings& surroundings, const std::string& name) {
  const auto value = core::parse_int64(value_or_empty(surroundings, name));
  return value && *value > 0 && *value <= 1'000'000 ? static_cast<int>(*value) : 0;
}

bool is_set(const Surroundings& surroundings, const std::string& name) {
  return surroundings.environment.contains(name);
}

void refuse_nesting(const Surroundings& surroundings) {
  for (const char* size : {"SLURM_STEP_NUM_TASKS", "OMPI_COMM_WORLD_SIZE"}) {
    if (number(surroundings, size) > 1) {
      throw core::UsageError(
          fmt::format("already started {} times by another launcher ({} = {}): start the command itself there, or "
                      "launch once from the batch script",
                      number(surroundings, size), size, number(surroundings, size)));
    }
  }
}

bool is_within_step(const Surroundings& surroundings) {
  const auto step = core::parse_int64(value_or_empty(surroundings, "SLURM_STEP_ID"));
  return step && *step >= 0 && *step < kFirstSpecialStep;
}

int job_tasks(const Surroundings& surroundings) {
  if (const int tasks = number(surroundings, "SLURM_NTASKS"); tasks > 0) return tasks;
  const int nodes = std::max(1, number(surroundings, "SLURM_JOB_NUM_NODES"));
  return nodes * std::max(1, number(surroundings, "SLURM_NTASKS_PER_NODE"));
}

void set_rank_environment(LaunchPlan& plan, const Surroundings& surroundings, int ranks, int threads) {
  plan.environment[kExpectedRanks] = fmt::format("{}", ranks);
  if (surroundings.terminal_columns > 0) {
    plan.environment[kTerminalColumns] = fmt::format("{}", surroundings.terminal_columns);
  }
  if (!is_set(surroundings, "OMP_NUM_THREADS")) plan.environment["OMP_NUM_THREADS"] = fmt::format("{}", threads);
}

void append_command(LaunchPlan& plan, const LaunchRequest& request) {
  plan.arguments.insert(plan.arguments.end(), request.command.begin(), request.command.end());
}

/// OpenMPI refuses to start as root unless told twice, and is told only then.
/// Seconds between mpirun's SIGTERM and SIGKILL to ranks whose peer has died; by default one, in which nobody can say
/// which rank they waited for.
constexpr const char* kKillTimeout = "OMPI_MCA_odls_base_sigkill_timeout";

void prepare_mpirun(LaunchPlan& plan, const Surroundings& surroundings) {
  if (!is_set(surroundings, kKillTimeout)) plan.environment[kKillTimeout] = "10";
  if (!surroundings.is_root) return;
  plan.environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1";
  plan.environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
}

LaunchPlan plan_srun(const LaunchRequest& request, const Surroundings& surroundings, int ranks,
                     const std::string& kind) {
  LaunchPlan plan;
  plan.arguments = {"srun", "--mpi=" + kind, "--kill-on-bad-exit=1", "--export=ALL"};
  const int cpus = number(surroundings, "SLURM_CPUS_PER_TASK");
  // Since Slurm 22.05 a step does not inherit this from its job.
  if (cpus > 0) plan.arguments.push_back(fmt::format("--cpus-per-task={}", cpus));
  if (request.ranks) plan.arguments.push_back(fmt::format("--ntasks={}", ranks));
  // A step within a step (an interactive shell) would wait for the resources that the outer one holds.
  if (is_within_step(surroundings)) plan.arguments.emplace_back("--overlap");
  set_rank_environment(plan, surroundings, ranks, std::max(1, cpus));
  append_command(plan, request);
  return plan;
}

/// mpirun exports only its own variables to other nodes.
void export_environment(LaunchPlan& plan, const Surroundings& surroundings) {
  std::vector<std::string> names;
  for (const auto& [name, value] : surroundings.environment) {
    if (name.starts_with("TRAINYARD_") || name == "OMP_NUM_THREADS" || name == "PATH" || name == "LD_LIBRARY_PATH") {
      names.push_back(name);
    }
  }
  for (const auto& [name, value] : plan.environment) {
    if (name == kExpectedRanks || name == "OMP_NUM_THREADS") names.push_back(name);
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  for (const std::string& name : names) {
    plan.arguments.emplace_back("-x");
    plan.arguments.push_back(name);
  }
}

LaunchPlan plan_job_mpirun(const LaunchRequest& request, const Surroundings& surroundings, int ranks) {
  if (!surroundings.has_mpirun) throw core::Error(std::string(kMissingMpirun));
  LaunchPlan plan;
  const int cpus = std::max(1, number(surroundings, "SLURM_CPUS_PER_TASK"));
  const int tasks_per_node = std::max(1, number(surroundings, "SLURM_NTASKS_PER_NODE"));
  prepare_mpirun(plan, surroundings);
  set_rank_environment(plan, surroundings, ranks, cpus);
  // mpirun starts one daemon a node by srun, which would get one CPU; the ranks of the node live within it.
  plan.environment["SRUN_CPUS_PER_TASK"] = fmt::format("{}", cpus * tasks_per_node);
  plan.arguments = {"mpirun", "-n", fmt::format("{}", ranks), "--bind-to", "none"};
  export_environment(plan, surroundings);
  append_command(plan, request);
  return plan;
}

LaunchPlan plan_in_job(const LaunchRequest& request, const Surroundings& surroundings) {
  const int tasks = job_tasks(surroundings);
  const int ranks = request.ranks.value_or(tasks);
  if (ranks > tasks) {
    throw core::UsageError(
        fmt::format("-n {}: this job has {} tasks: ask sbatch for more, or start fewer", ranks, tasks));
  }
  if (request.launcher == LauncherKind::kMpirun) return plan_job_mpirun(request, surroundings, ranks);
  if (!surroundings.has_srun) {
    throw core::Error(
        "within a Slurm job, but srun is not on the PATH (a container hides it): launch outside of the container, or "
        "with "
        "--launcher mpirun");
  }
  const std::string offered = surroundings.srun_mpi_list();
  const std::string kind = pmix_kind(offered);
  if (!kind.empty()) return plan_srun(request, surroundings, ranks, kind);
  const std::string list = core::one_line(offered);
  if (request.launcher == LauncherKind::kSrun) {
    throw core::Error(
        fmt::format("srun has no PMIx to start MPI ranks with (it says: {}): use --launcher mpirun", list));
  }
  LaunchPlan plan = plan_job_mpirun(request, surroundings, ranks);
  plan.notes.push_back(fmt::format("srun has no PMIx (it says: {}): starting by mpirun", list));
  return plan;
}

LaunchPlan plan_local(const LaunchRequest& request, const Surroundings& surroundings) {
  if (request.launcher == LauncherKind::kSrun) {
    throw core::UsageError("--launcher srun: not within a Slurm job: use sbatch or salloc, or leave the launcher out");
  }
  LaunchPlan plan;
  const int ranks = request.ranks.value_or(1);
  const int cores_per_rank = std::max(1, surroundings.cores / ranks);
  set_rank_environment(plan, surroundings, ranks, cores_per_rank);
  if (ranks == 1) {
    append_command(plan, request);
    return plan;
  }
  if (!surroundings.has_mpirun) throw core::Error(std::string(kMissingMpirun));
  prepare_mpirun(plan, surroundings);
  // With the slots named, mpirun need not guess them from cores, threads or a host file.
  plan.arguments = {"mpirun", "--host", fmt::format("localhost:{}", ranks), "-n", fmt::format("{}", ranks)};
  const bool shares_cores = ranks > surroundings.cores;
  if (shares_cores) {
    plan.environment["OMPI_MCA_mpi_yield_when_idle"] = "1";  // a rank that polls would keep the core from another
    plan.notes.push_back(fmt::format("{} ranks share {} core{}: steps will be slow, and their times say little", ranks,
                                     surroundings.cores, surroundings.cores == 1 ? "" : "s"));
  }
  if (!is_set(surroundings, "OMPI_MCA_hwloc_base_binding_policy")) {
    // mpirun counts cores from the machine's first, also where this process was given others.
    const bool can_bind = !shares_cores && surroundings.has_every_core;
    plan.arguments.emplace_back("--bind-to");
    plan.arguments.emplace_back(can_bind ? "core" : "none");
    if (can_bind) {
      plan.arguments.emplace_back("--map-by");
      plan.arguments.push_back(fmt::format("slot:PE={}", cores_per_rank));
    }
  }
  append_command(plan, request);
  return plan;
}

}  // namespace

std::string pmix_kind(std::string_view mpi_list) {
  std::string newest;
  std::int64_t newest_version = -1;
  for (const std::string_view line : core::split(mpi_list, '\n')) {
    // Slurm 22.05 prints a plugin a line, and the versions of PMIx with commas; older ones put "srun:" before each.
    std::string words(line);
    std::ranges::replace(words, ',', ' ');
    const bool lists_versions = line.find("plugin versions") != std::string_view::npos;
    for (const std::string_view word : core::split_words(words)) {
      if (word == "pmix" && !lists_versions) return "pmix";
      if (!word.starts_with("pmix_v")) continue;
      const std::int64_t version = core::parse_int64(word.substr(6)).value_or(0);
      if (version > newest_version) {
        newest = word;
        newest_version = version;
      }
    }
  }
  return newest;
}

LaunchPlan plan_launch(const LaunchRequest& request, const Surroundings& surroundings) {
  refuse_nesting(surroundings);
  return is_set(surroundings, "SLURM_JOB_ID") ? plan_in_job(request, surroundings) : plan_local(request, surroundings);
}

}  // namespace trainyard::batch
