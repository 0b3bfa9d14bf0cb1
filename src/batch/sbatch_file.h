#pragma once

#include <string>

#include "batch/site.h"
#include "config/run_config.h"

namespace trainyard::batch {

/// What one sbatch file is made from.
struct SbatchJob {
  config::RunConfig config;
  SiteProfile site;
  std::string config_path;  ///< as the job finds it from the checkout's root
  std::string command;      ///< the line that writes the file again
};

/// How every file that tools/generate writes begins its second line; others in slurm/ are written by hand.
inline constexpr const char* kGeneratedMark = "# Written by tools/generate from ";

/// The file's text: the same bytes for the same job. The request is validated (validate.h) first. Throws
/// core::UsageError naming the config.
std::string sbatch_text(const SbatchJob& job);

}  // namespace trainyard::batch
