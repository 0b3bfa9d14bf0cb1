#include "comm/shared_memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/error.h"

namespace trainyard::comm {
namespace {

[[noreturn]] void fail(const char* call, const std::string& name, int code) {
  throw core::Error(std::string(call) + " of shared memory " + name + " failed: " + std::strerror(code));
}

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
              std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace

SharedMemory SharedMemory::map(const std::string& name, int flags, std::size_t bytes) {
  const int descriptor = shm_open(name.c_str(), flags | O_CLOEXEC, 0600);
  if (descriptor < 0) fail("shm_open", name, errno);
  int code = flags & O_CREAT ? posix_fallocate(descriptor, 0, static_cast<off_t>(bytes)) : 0;
  void* data = MAP_FAILED;
  if (code == 0) {
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (data == MAP_FAILED) code = errno;
  }
  close(descriptor);
  if (code != 0) {
    if (flags & O_CREAT) unlink(name);
    fail(data == MAP_FAILED && !(flags & O_CREAT) ? "mmap" : "reservation", name, code);
  }
  return {static_cast<std::byte*>(data), bytes};
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t bytes) {
  return map(name, O_RDWR | O_CREAT | O_EXCL, bytes);
}

SharedMemory SharedMemory::open(const std::string& name, std::size_t bytes) {
  return map(name, O_RDWR, bytes);
}

void SharedMemory::unlink(const std::string& name) noexcept {
  shm_unlink(name.c_str());
}

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

SharedMemory::SharedMemory(SharedMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(other.bytes_) {}

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, std::chrono::nanoseconds timeout) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout);
  const timespec wait{seconds.count(), (timeout - seconds).count()};
  // Every outcome (woken, changed, timed out, interrupted) is answered by looking at the word again.
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAIT, seen, &wait, nullptr, 0);
}

void futex_wake_all(std::atomic<std::uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<std::uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace trainyard::comm
