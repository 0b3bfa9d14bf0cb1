#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/model.h"

namespace trainyard::report {

/// A file that is named like a timing log, and what its place says about it.
struct LogFile {
  std::filesystem::path path;           ///< as given: the folder of the command line, then the names below it
  std::string folder;                   ///< of the run: above `restart-NNN`; begins with the given folder's own name
  std::string run;                      ///< the folder's guess at the run's name, for a log that does not say
  std::string job_id;                   ///< likewise; may be empty
  std::optional<std::int64_t> restart;  ///< of a `restart-NNN` folder
};

/// A file of tools/doctor.
struct FoundPreflight {
  std::filesystem::path path;  ///< as given, likewise
  std::string folder;          ///< that it is in; begins with the given folder's own name
};

struct Discovery {
  std::vector<LogFile> files;  ///< by path; no file twice, whatever links and overlapping folders lead to it
  std::vector<FoundPreflight> preflights;  ///< likewise
  std::vector<Problem> problems;
};

/// Every `rank-*.h5` and `doctor-*.json` below the folders, at any depth, links followed. Hidden files and folders are
/// passed over: a writer's shadow files are hidden. Folders that cannot be read and logs that are not plain files
/// become problems. core::UsageError where a given folder is none.
Discovery discover(const std::vector<std::filesystem::path>& folders);

}  // namespace trainyard::report
