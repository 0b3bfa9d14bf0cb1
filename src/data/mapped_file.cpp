#include "data/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::data {
namespace {

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  throw core::Error(fmt::format("{}: cannot be {}: {}", path, what, core::system_error_text(error)));
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const core::Descriptor file(path, O_RDONLY | O_NONBLOCK);  // a named pipe must be refused, not waited for
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail(path, "examined", errno);
  if (!S_ISREG(status.st_mode)) throw core::Error(fmt::format("{}: is not a regular file", path));
  if (status.st_size == 0) throw core::Error(fmt::format("{}: is empty", path));
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) fail(path, "mapped", errno);
  data_ = static_cast<const std::uint8_t*>(data);
  size_ = size;
  static_cast<void>(::madvise(data, size, MADV_WILLNEED));  // a hint: it may be refused
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace trainyard::data
