#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace trainyard::data {

/// Where the memory of batches comes from. Safe from any thread.
class BufferSource {
 public:
  virtual ~BufferSource() = default;
  /// A buffer of the source's one size, aligned to 64 bytes. It outlives the source where it must, and goes back when
  /// its last owner is gone.
  virtual std::shared_ptr<void> acquire() = 0;
};

/// Host memory that is used again: a fresh buffer costs page faults, more than filling it does. It never blocks: it
/// holds as many buffers as were ever out at once.
class BufferPool final : public BufferSource {
 public:
  explicit BufferPool(std::size_t bytes);
  std::shared_ptr<void> acquire() override;

 private:
  struct Release {
    void operator()(std::byte* memory) const;
  };
  using Memory = std::unique_ptr<std::byte, Release>;
  struct State {
    std::mutex mutex;
    std::vector<Memory> free;
  };

  std::size_t bytes_;
  std::shared_ptr<State> state_;
};

}  // namespace trainyard::data
