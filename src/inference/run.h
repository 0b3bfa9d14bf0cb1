#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "config/run_config.h"

namespace trainyard::inference {

/// A whole inference run, of one process: makes the engine, measures every batch size, counts right answers where the
/// weights are given and the labels real, and writes log and model under the run's folder. `done` gets the log's file
/// at the end. config.inference is set. refusal: why the command line was refused.
/// Returns the exit status; what is wrong is thrown, as core::UsageError or core::Error, by the one rank that is to say
/// it.
int run(const config::RunConfig& config, const std::optional<std::string>& refusal,
        const std::function<void(const std::filesystem::path& log)>& done);

}  // namespace trainyard::inference
