#include "data/data_folder.h"

#include <fmt/format.h>

#include <cstdlib>

#include "config/enum_names.h"
#include "core/error.h"

namespace trainyard::data {

std::optional<DataFolder> given_data_folder(const config::RunConfig& config) {
  if (!config.data_dir.empty()) return DataFolder{.path = config.data_dir, .source = "data-dir"};
  if (config.data == config::Data::kDigits || config.data == config::Data::kSynthetic) return std::nullopt;
  const char* variable = std::getenv("TRAINYARD_DATA");
  if (variable == nullptr || *variable == '\0') return std::nullopt;
  return DataFolder{.path = variable, .source = "TRAINYARD_DATA"};
}

DataFolder data_folder(const config::RunConfig& config) {
  if (auto folder = given_data_folder(config)) return *std::move(folder);
  throw core::UsageError(
      fmt::format("data = {}: neither data-dir nor TRAINYARD_DATA is set; set one to the folder of its files",
                  config::name_of(config.data)));
}

}  // namespace trainyard::data
