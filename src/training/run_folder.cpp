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

/// 20260131-235959.
std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  return text;
}

/// A new folder of the time's name: runs that start in the same second are not restarts of each other.
fs::path unused_folder(const fs::path& parent) {
  const std::string name = local_time();
  fs::path folder = parent / name;
  for (int copy = 2; fs::exists(folder); ++copy)
    folder = parent / fmt::format("{}-{}", name, copy);
  return folder;
}

fs::path chosen_root(const config::RunConfig& config) {
  if (!config.output.empty()) return config.output;
  const fs::path parent = fs::path("results") / config.name;
  const std::string job = slurm_job();
  return job.empty() ? unused_folder(parent) : parent / job;
}

}  // namespace

std::string slurm_job() {
  const std::string array = environment("SLURM_ARRAY_JOB_ID");
  if (!array.empty()) return array + "_" + environment("SLURM_ARRAY_TASK_ID");
  return environment("SLURM_JOB_ID");
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
  root_ = fs::absolute(chosen_root(config)).lexically_normal();
  if (root_.filename().empty()) root_ = root_.parent_path();
  try {
    std::vector<fs::path> missing;
    for (fs::path part = root_; !fs::exists(part); part = part.parent_path())
      missing.insert(missing.begin(), part);
    for (const fs::path& part : missing) {
      if (fs::create_directory(part)) created_.push_back(part);
    }
    for (restart_ = 0; restart_ < kMaxRestarts; ++restart_) {
      attempt_ = root_ / fmt::format("restart-{:03}", restart_);
      if (!fs::create_directory(attempt_)) continue;
      created_.push_back(attempt_);
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
  std::error_code ignored;
  if (!created_.empty() && created_.back() == attempt_) fs::remove_all(attempt_, ignored);
  // Only what is empty: another run may have begun in a folder that this one made.
  for (auto folder = created_.rbegin(); folder != created_.rend(); ++folder)
    fs::remove(*folder, ignored);
  created_.clear();
}

fs::path RunFolder::log_file(int rank) const {
  return attempt_ / fmt::format("rank-{:05}.h5", rank);
}

}  // namespace trainyard::training
