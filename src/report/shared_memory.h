#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace trainyard::report {

/// Memory through which a child process hands over more than a socket holds. The parent makes it before it forks. Where
/// it was filled once it is filled again at the price of a copy.
class SharedMemory {
 public:
  /// Where the system has none, there is no room for anything.
  SharedMemory();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// False where there is no room for the bytes.
  bool write(std::uint64_t offset, std::string_view bytes) const;
  /// core::Error where they are not all there.
  void read(std::uint64_t offset, char* bytes, std::size_t size) const;

 private:
  int descriptor_ = -1;
};

/// Memory for what stays, in large blocks, and provided by the system many pages at a time: page by page that takes as
/// long as to fill them.
class Blocks {
 public:
  /// Aligned to 64 bytes. A block is given back with the last pointer to anything in it.
  std::shared_ptr<char> take(std::size_t size);

 private:
  std::shared_ptr<char> block_;  ///< from its first byte that is not taken
  std::size_t left_ = 0;
};

}  // namespace trainyard::report
