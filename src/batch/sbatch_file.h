#pragma once

#include <string>
#include <vector>

#include "batch/site.h"
#include "config/run_config.h"

namespace trainyard::batch {

/// What one sbatch file is made from.
struct SbatchJob {
  config::RunConfig config;
  SiteProfile site;
  std::string config_path;                      ///< as the job finds it from the checkout's root
  std::string command;                          ///< the line that writes the file again
  std::vector<std::string> arguments;           ///< of the trainer, behind --config: a study's point
  std::string digest;                           ///< of what is run; empty: that of `config`
  std::vector<std::vector<std::string>> tasks;  ///< of a job array, whose request is `config`'s: the arguments of each
  int throttle = 0;                             ///< of an array's tasks, at a time; 0: no limit
};

/// The file's text: the same bytes for the same job. The request is validated (validate.h) first. Throws
/// core::UsageError naming the config.
std::string sbatch_text(const SbatchJob& job);

}  // namespace trainyard::batch
