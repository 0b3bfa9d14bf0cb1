#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trainyard::batch {

/// The request of a job as sbatch takes it. Every value is typed or goes through sbatch_value (quote.h): no directive
/// is ever made from text alone.
struct Directives {
  std::string job_name;
  int nodes = 1;
  int tasks_per_node = 1;
  int cpus_per_task = 1;
  int gpus_per_node = 0;        ///< 0: none. Per node and not per task, which would hide a node's GPUs from each other
  std::string gpu_type;         ///< empty: --gres=gpu:N
  std::int64_t memory_mib = 0;  ///< per node
  std::int64_t time_s = 0;
  std::string partition;  ///< empty: none named, and so for the next two
  std::string account;
  std::string constraint;
  bool requeue = false;
  std::int64_t signal_s = 0;  ///< before the time limit, when the batch script gets USR2; 0: never
  std::string comment;        ///< empty: none
  int array_tasks = 0;        ///< 0: no job array
  int array_throttle = 0;     ///< tasks that run at a time; 0: no limit
};

/// The directives, without "#SBATCH ", in a fixed order; the job's output goes to results/NAME-JOB.out, that of an
/// array's task to results/NAME-JOB_TASK.out, and is appended to. Throws core::UsageError naming the key whose value
/// sbatch cannot take.
std::vector<std::string> directive_lines(const Directives& directives);

}  // namespace trainyard::batch
