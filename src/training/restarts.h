#pragma once

#include <optional>

#include "config/run_config.h"
#include "training/resume.h"
#include "training/run_folder.h"

namespace trainyard::training {

/// A job that Slurm starts again and again without coming further only burns its allocation.
/// @throws core::Error where this start is one of a requeued job (SLURM_RESTART_COUNT) and as many starts before it as
///         `restarts-without-progress` says have saved no checkpoint.
void refuse_fruitless_restart(const config::RunConfig& config, const RunFolder& folder,
                              const std::optional<ResumePoint>& resumed);

}  // namespace trainyard::training
