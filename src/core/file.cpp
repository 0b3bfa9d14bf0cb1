#include "core/file.h"

#include <fcntl.h>

#include <array>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::core {

std::string read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  std::error_code error;
  // A device or FIFO could block or never end; a missing file is left to open, which says so.
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    throw Error("cannot read " + path.string() + ": not a regular file");
  }
  Descriptor file(path, O_RDONLY);
  std::string content;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t count = file.read_some(buffer)) {
    if (content.size() + count > max_bytes) {
      throw Error("cannot read " + path.string() + ": larger than the limit of " + format_bytes(max_bytes));
    }
    content.append(buffer.data(), count);
  }
  return content;
}

}  // namespace trainyard::core
