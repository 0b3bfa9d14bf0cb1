#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "config/run_config.h"

namespace trainyard::data {

/// Where a data set's files are, and the key or variable that says so.
struct DataFolder {
  std::filesystem::path path;
  std::string source;
};

/// `data-dir`, or else, for data that are read from files, $TRAINYARD_DATA; none where neither is set.
std::optional<DataFolder> given_data_folder(const config::RunConfig& config);
/// The same. @throws core::UsageError where there is none.
DataFolder data_folder(const config::RunConfig& config);

}  // namespace trainyard::data
