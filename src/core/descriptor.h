#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace trainyard::core {

/// What the C library says about an errno value: "No such file or directory".
std::string system_error_text(int error_number);

/// An open POSIX file descriptor. Every failure is a core::Error that names the file and the system's reason.
class Descriptor {
 public:
  /// As open(2), with O_CLOEXEC added.
  Descriptor(std::filesystem::path path, int flags, unsigned mode = 0666);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  const std::filesystem::path& path() const { return path_; }

  void write_all(std::string_view bytes);
  /// Reads up to `buffer.size()` bytes; 0 at the end of the file.
  std::size_t read_some(std::span<char> buffer);
  /// Onto the disk. A file system that cannot sync this kind of file (EINVAL) is taken at its word.
  void sync();
  /// Reports what the destructor would swallow: on a network file system a failed write may surface only here.
  void close();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
};

/// Makes the names in a folder durable (after a rename or link).
void sync_folder(const std::filesystem::path& folder);

/// The folder a path lies in: "." for a bare file name.
std::filesystem::path folder_of(const std::filesystem::path& path);

}  // namespace trainyard::core
