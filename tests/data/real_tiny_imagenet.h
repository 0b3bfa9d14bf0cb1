#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/temporary_folder.h"

namespace trainyard::testing {

/// The part of Tiny ImageNet in TRAINYARD_DATA: an archive, unpacked into a temporary folder; none without it.
inline std::optional<std::filesystem::path> unpack_tiny_imagenet(const TemporaryFolder& folder) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) return std::nullopt;
  const std::filesystem::path archive = std::filesystem::path(data) / "tiny-imagenet" / "tiny-imagenet-20.tar";
  if (!std::filesystem::exists(archive)) return std::nullopt;
  const std::string command = "tar -xf '" + archive.string() + "' -C '" + folder.path().string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  return folder.path();
}

}  // namespace trainyard::testing
