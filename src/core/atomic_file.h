#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace trainyard::core {

enum class Durability {
  kSynced,      ///< on the disk when the call returns
  kRepeatable,  ///< can be written again by a command, so that a machine that loses its power may lose it: no sync
};

/// Replaces `path` by a file with this content, or leaves it as it was: written to a temporary file in the same folder,
/// synced unless it is kRepeatable, renamed. A reader sees the old file or the new one; on failure (core::Error naming
/// the file) no temporary file stays behind. The folder must exist. An existing file's permissions are kept.
void write_file_atomically(const std::filesystem::path& path, std::string_view content,
                           Durability durability = Durability::kSynced);
/// Content in parts, one behind the other, so that large ones need no copy.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts,
                           Durability durability = Durability::kSynced);

}  // namespace trainyard::core
