#include "data/buffer_pool.h"

#include <algorithm>
#include <new>
#include <utility>

namespace trainyard::data {
namespace {

constexpr std::align_val_t kAlignment{64};

}  // namespace

void BufferPool::Release::operator()(std::byte* memory) const {
  ::operator delete(memory, kAlignment);
}

BufferPool::BufferPool(std::size_t bytes)
    : bytes_(std::max<std::size_t>(1, bytes)), state_(std::make_shared<State>()) {}

std::shared_ptr<void> BufferPool::acquire() {
  Memory memory;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->free.empty()) {
      memory = std::move(state_->free.back());
      state_->free.pop_back();
    }
  }
  if (!memory) memory.reset(static_cast<std::byte*>(::operator new(bytes_, kAlignment)));
  // A buffer that outlives its pool frees itself.
  const auto give_back = [pool = std::weak_ptr(state_)](std::byte* address) {
    Memory returned(address);
    if (const auto state = pool.lock()) {
      const std::lock_guard lock(state->mutex);
      state->free.push_back(std::move(returned));
    }
  };
  return std::shared_ptr<std::byte>(memory.release(), give_back);
}

}  // namespace trainyard::data
