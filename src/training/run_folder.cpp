#include "training/run_folder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <ctime>
#include <string_view>
#include <system_error>

#include "comm/values.h"
#include "core/error.h"

namespace trainyard::training {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxRestarts = 1000;  // three digits

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// The outermost folder of path that does not exist yet.
fs::path first_missing(const fs::path& path) {
  fs::path missing;
  for (fs::path part = fs::absolute(path); !fs::exists(part); part = part.parent_path())
    missing = part;
  return missing;
}

}  // namespace

std::string job_name() {
  const std::string array = environment("SLURM_ARRAY_JOB_ID");
  if (!array.empty()) return array + "_" + environment("SLURM_ARRAY_TASK_ID");
  const std::string job = environment("SLURM_JOB_ID");
  if (!job.empty()) return job;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

RunFolder::RunFolder(const config::RunConfig& config, comm::Communicator& control) {
  constexpr std::string_view kFailed = "error: ";
  std::string message;
  if (control.rank() == 0) {
    try {
      create(config);
      message = fmt::format("{}\n{}", restart_, root_.string());
    } catch (const std::exception& error) {
      remove_created();
      message = std::string(kFailed) + error.what();
    }
  }
  message = comm::broadcast(control, message);
  if (message.starts_with(kFailed)) throw core::Error(message.substr(kFailed.size()));
  const std::size_t line_end = message.find('\n');
  restart_ = std::stoi(message.substr(0, line_end));
  root_ = message.substr(line_end + 1);
  attempt_ = root_ / fmt::format("restart-{:03}", restart_);
}

RunFolder::~RunFolder() {
  if (!kept_) remove_created();
}

void RunFolder::create(const config::RunConfig& config) {
  root_ = config.output.empty() ? fs::path("results") / config.name / job_name() : fs::path(config.output);
  root_ = fs::absolute(root_).lexically_normal();
  if (root_.filename().empty()) root_ = root_.parent_path();
  try {
    const fs::path missing = first_missing(root_);
    fs::create_directories(root_);
    first_created_ = missing;
    for (restart_ = 0; restart_ < kMaxRestarts; ++restart_) {
      attempt_ = root_ / fmt::format("restart-{:03}", restart_);
      if (!fs::create_directory(attempt_)) continue;
      if (first_created_.empty()) first_created_ = attempt_;
      return;
    }
  } catch (const fs::filesystem_error& error) {
    throw core::Error(fmt::format("results folder {}: {}: set `output` to a folder you can write", root_.string(),
                                  error.code().message()));
  }
  throw core::Error(fmt::format("results folder {}: holds {} restarts already: set `output` to a new folder",
                                root_.string(), kMaxRestarts));
}

void RunFolder::remove_created() noexcept {
  if (first_created_.empty()) return;
  std::error_code ignored;
  fs::remove_all(first_created_, ignored);
}

fs::path RunFolder::log_file(int rank) const {
  return attempt_ / fmt::format("rank-{:05}.h5", rank);
}

}  // namespace trainyard::training
