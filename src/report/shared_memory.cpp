#include "report/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <new>
#include <string>

#include "core/error.h"

namespace trainyard::report {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kBlockBytes = std::size_t{32} << 20;

std::size_t rounded_up(std::size_t size, std::size_t to) {
  return (size + to - 1) / to * to;
}

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

std::shared_ptr<char> new_block(std::size_t size) {
  void* block = std::aligned_alloc(page_bytes(), rounded_up(size, page_bytes()));
  if (block == nullptr) throw std::bad_alloc();
  return {static_cast<char*>(block), &std::free};
}

/// Has the system provide the pages that begin in this memory at once. Linux before 5.14 does not know how, and
/// provides them one by one when they are first used.
void populate([[maybe_unused]] char* bytes, [[maybe_unused]] std::size_t size) {
#ifdef MADV_POPULATE_WRITE
  const auto begin = rounded_up(reinterpret_cast<std::uintptr_t>(bytes), page_bytes());
  const auto end = rounded_up(reinterpret_cast<std::uintptr_t>(bytes) + size, page_bytes());
  if (begin < end) static_cast<void>(::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE));
#endif
}

}  // namespace

SharedMemory::SharedMemory() : descriptor_(::memfd_create("trainyard-logs", MFD_CLOEXEC)) {}

SharedMemory::~SharedMemory() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool SharedMemory::write(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return true;
}

void SharedMemory::read(std::uint64_t offset, char* bytes, std::size_t size) const {
  while (size > 0) {
    const ssize_t got = ::pread(descriptor_, bytes, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw core::Error("cannot read logs: a log was not passed on whole");
    bytes += got;
    size -= static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
  }
}

std::shared_ptr<char> Blocks::take(std::size_t size) {
  const std::size_t bytes = rounded_up(size, kAlignment);
  if (block_ == nullptr || bytes > left_) {
    left_ = std::max(bytes, kBlockBytes);
    block_ = new_block(left_);
  }
  const std::shared_ptr<char> taken = block_;
  populate(block_.get(), bytes);
  block_ = std::shared_ptr<char>(block_, block_.get() + bytes);
  left_ -= bytes;
  return taken;
}

}  // namespace trainyard::report
