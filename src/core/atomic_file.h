#pragma once

#include <filesystem>
#include <span>
#include <string_view>

namespace trainyard::core {

/// Replaces `path` by a file with this content, or leaves it as it was: written to a temporary file in the same folder,
/// synced, renamed. A reader sees the old file or the new one; on failure (core::Error naming the file) no temporary
/// file stays behind. The folder must exist. An existing file's permissions are kept.
void write_file_atomically(const std::filesystem::path& path, std::string_view content);
/// Content in parts, one behind the other, so that large ones need no copy.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts);

}  // namespace trainyard::core
