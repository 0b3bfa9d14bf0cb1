#include "report/discovery.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "report/preflight.h"

namespace trainyard::report {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepestFolder = 64;
constexpr std::string_view kRankPrefix = "rank-";
constexpr std::string_view kLogSuffix = ".h5";
constexpr std::string_view kRestartPrefix = "restart-";

using FileId = std::pair<dev_t, ino_t>;

std::optional<std::int64_t> number_after(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  const std::string_view digits = name.substr(prefix.size());
  if (digits.empty() || digits.front() < '0' || digits.front() > '9') return std::nullopt;
  return core::parse_int64(digits);
}

bool is_log_name(std::string_view name) {
  return name.size() > kRankPrefix.size() + kLogSuffix.size() && name.starts_with(kRankPrefix) &&
         name.ends_with(kLogSuffix);
}

/// A folder's own name, also of "." and "results/".
std::string own_name(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(folder, error);
  const std::string name = error ? folder.filename().string() : absolute.filename().string();
  return name.empty() ? "/" : name;
}

class Walk {
 public:
  void enter_root(const fs::path& root) {
    struct stat status {};
    if (::stat(root.c_str(), &status) != 0) {
      throw core::UsageError(fmt::format("{}: {}; give a folder that holds runs", root.string(), std::strerror(errno)));
    }
    if (!S_ISDIR(status.st_mode)) {
      throw core::UsageError(fmt::format("{}: not a folder; give the folder that holds the runs", root.string()));
    }
    enter(root, own_name(root), {status.st_dev, status.st_ino}, 0);
  }

  Discovery take() {
    std::sort(found_.preflights.begin(), found_.preflights.end(),
              [](const FoundPreflight& a, const FoundPreflight& b) { return a.path < b.path; });
    std::sort(found_.files.begin(), found_.files.end(),
              [](const LogFile& a, const LogFile& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  void enter(const fs::path& folder, const std::string& shown, FileId id, int depth) {
    if (!seen_.insert(id).second) return;
    if (depth > kDeepestFolder) {
      found_.problems.push_back({folder, fmt::format("more than {} folders deep: not searched", kDeepestFolder)});
      return;
    }
    std::error_code error;
    std::vector<std::string> names;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) found_.problems.push_back({folder, "cannot be read: " + error.message()});
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (!name.starts_with('.')) visit(folder, shown, name, depth);
    }
  }

  void visit(const fs::path& folder, const std::string& shown, const std::string& name, int depth) {
    const fs::path path = folder / name;
    struct stat status {};
    const bool found = ::stat(path.c_str(), &status) == 0;
    if (found && S_ISDIR(status.st_mode)) {
      enter(path, shown + "/" + name, {status.st_dev, status.st_ino}, depth + 1);
    } else if (found && S_ISREG(status.st_mode) && is_preflight_name(name)) {
      if (seen_.insert({status.st_dev, status.st_ino}).second) found_.preflights.push_back({path, shown});
    } else if (is_log_name(name)) {
      if (!found) {
        found_.problems.push_back({path, std::string("cannot be read: ") + std::strerror(errno)});
      } else if (!S_ISREG(status.st_mode)) {
        found_.problems.push_back({path, "not a plain file"});
      } else if (seen_.insert({status.st_dev, status.st_ino}).second) {
        found_.files.push_back(describe(path, shown));
      }
    }
  }

  static LogFile describe(const fs::path& path, const std::string& shown) {
    LogFile file;
    file.path = path;
    const fs::path place(shown);
    file.restart = number_after(place.filename().string(), kRestartPrefix);
    if (!file.restart) {
      file.folder = shown;
      file.run = place.filename().string();
      return file;
    }
    const fs::path job = place.has_parent_path() ? place.parent_path() : place;
    file.folder = job.string();
    file.run = job.has_parent_path() ? job.parent_path().filename().string() : job.filename().string();
    file.job_id = job.has_parent_path() ? job.filename().string() : "";
    return file;
  }

  std::set<FileId> seen_;
  Discovery found_;
};

}  // namespace

Discovery discover(const std::vector<fs::path>& folders) {
  Walk walk;
  for (const fs::path& folder : folders)
    walk.enter_root(folder);
  return walk.take();
}

}  // namespace trainyard::report
