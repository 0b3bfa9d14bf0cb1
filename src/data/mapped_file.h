#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace trainyard::data {

/// A whole regular file, read-only, in memory. Ranks of one node that map the same file share its pages.
/// The file must not be shortened while it is mapped: reading past its new end would end the process.
class MappedFile {
 public:
  /// @throws core::Error naming `path` when it cannot be opened, is no regular file, or is empty.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  const std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace trainyard::data
