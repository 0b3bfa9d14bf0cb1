#pragma once

#include <string>
#include <vector>

#include "batch/generation.h"
#include "batch/site.h"
#include "config/study.h"

namespace trainyard::batch {

/// The files of a study: one for each point, or with `array = true` one job array for each request that its points
/// have, and then the job that collects. `study_path` is the study file as a job finds it, `folder` where the files go.
/// Throws core::UsageError naming the study and the point that the site would not run.
std::vector<GeneratedFile> study_files(const GenerationRequest& request, const SiteProfile& site, config::Study study,
                                       const std::string& study_path, const std::filesystem::path& folder);

}  // namespace trainyard::batch
