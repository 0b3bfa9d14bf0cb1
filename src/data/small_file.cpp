#include "data/small_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::data {

std::span<const std::uint8_t> read_small_file(const std::string& path, std::size_t most_bytes,
                                              std::vector<std::uint8_t>& buffer) {
  core::Descriptor file(path, O_RDONLY | O_NONBLOCK);  // a named pipe must be refused, not waited for
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw core::Error(fmt::format("{}: cannot be examined: {}", path, core::system_error_text(errno)));
  }
  if (!S_ISREG(status.st_mode)) throw core::Error(fmt::format("{}: is not a regular file", path));
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes > most_bytes) {
    throw core::Error(fmt::format("{}: is larger than the limit of {}", path, core::format_bytes(most_bytes)));
  }
  if (buffer.size() < bytes) buffer.resize(bytes);
  std::size_t read = 0;
  while (read < bytes) {
    const std::size_t count = file.read_some({reinterpret_cast<char*>(buffer.data()) + read, buffer.size() - read});
    if (count == 0) break;
    read += count;
  }
  return std::span(buffer).first(read);
}

}  // namespace trainyard::data
