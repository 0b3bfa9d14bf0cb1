#include "data/staging.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/signals.h"
#include "core/text.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kReserve = 16 << 20;  // bytes that stay free
constexpr std::size_t kPieceBytes = 4 << 20;

void check_room(const fs::path& source, const fs::path& folder) {
  const std::uintmax_t needed = fs::file_size(source);
  const std::uintmax_t free = fs::space(folder).available;
  if (free >= kReserve && needed <= free - kReserve) return;
  throw core::UsageError(fmt::format(
      "stage-data = true: {} has {} free, {} needs {}; set TMPDIR to a folder with room, or stage-data = false",
      folder.string(), core::format_bytes(free), source.string(), core::format_bytes(needed)));
}

void copy_bytes(const fs::path& source, const fs::path& copy) {
  core::Descriptor from(source, O_RDONLY);
  core::Descriptor to(copy, O_WRONLY | O_CREAT | O_EXCL, 0600);
  std::vector<char> piece(kPieceBytes);
  while (const std::size_t count = from.read_some(piece)) {
    core::check_stop_requests("the data was copied to the node's disk");
    to.write_all({piece.data(), count});
  }
  to.close();
}

}  // namespace

fs::path staging_folder() {
  for (const char* name : {"SLURM_TMPDIR", "SLURM_JOBTMP", "TMPDIR"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::error_code error;
    if (fs::is_directory(value, error)) return value;
    throw core::UsageError(
        fmt::format("stage-data = true: {} = {} is no folder; set it to one, or stage-data = false", name, value));
  }
  throw core::UsageError(
      "stage-data = true: none of SLURM_TMPDIR, SLURM_JOBTMP and TMPDIR is set; set TMPDIR to a folder on the node's "
      "own "
      "disk, or stage-data = false");
}

StagedFile::StagedFile(const fs::path& source, fs::path copy) : copy_(std::move(copy)) {
  try {
    check_room(source, core::folder_of(copy_));
    copy_bytes(source, copy_);
  } catch (const core::Error&) {
    std::error_code ignored;
    fs::remove(copy_, ignored);
    throw;
  } catch (const fs::filesystem_error& error) {
    throw core::Error(fmt::format("stage-data = true: {}", error.what()));
  }
}

StagedFile::~StagedFile() {
  std::error_code ignored;
  fs::remove(copy_, ignored);
}

}  // namespace trainyard::data
