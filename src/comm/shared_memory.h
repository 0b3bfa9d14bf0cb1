#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace trainyard::comm {

/// POSIX shared memory mapped into this process. Whoever creates it unlinks the name once all have opened it, so that
/// nothing is left behind when the processes die.
class SharedMemory {
 public:
  /// Creates `bytes` zeroed bytes and reserves them, so that a full /dev/shm shows here and not as SIGBUS later.
  /// @throws core::Error naming what failed, as the other two do.
  static SharedMemory create(const std::string& name, std::size_t bytes);
  static SharedMemory open(const std::string& name, std::size_t bytes);
  static void unlink(const std::string& name) noexcept;

  ~SharedMemory();
  SharedMemory(SharedMemory&& other) noexcept;
  SharedMemory& operator=(SharedMemory&&) = delete;

  std::byte* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  SharedMemory(std::byte* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  static SharedMemory map(const std::string& name, int flags, std::size_t bytes);

  std::byte* data_;
  std::size_t bytes_;
};

/// Sleeps until `word`, which lies in shared memory, is woken, differs from `seen`, or `timeout` passed.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t seen, std::chrono::nanoseconds timeout);
void futex_wake_all(std::atomic<std::uint32_t>& word);

}  // namespace trainyard::comm
