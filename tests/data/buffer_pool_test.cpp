#include "data/buffer_pool.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <thread>

// Free of LibTorch, as ordered_queue_test.cpp.
namespace trainyard::data {
namespace {

TEST(BufferPool, UsesABufferAgainOnceNobodyHasIt) {
  BufferPool pool(1000);
  auto buffer = pool.acquire();
  void* const address = buffer.get();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(address) % 64, 0u);
  const auto second_owner = buffer;
  buffer.reset();
  const auto other = pool.acquire();
  EXPECT_NE(other.get(), address);
}

TEST(BufferPool, GivesBackTheSameMemory) {
  BufferPool pool(1000);
  void* const address = pool.acquire().get();
  EXPECT_EQ(pool.acquire().get(), address);
}

TEST(BufferPool, MayDieBeforeItsBuffers) {
  std::shared_ptr<void> buffer;
  {
    BufferPool pool(64);
    buffer = pool.acquire();
    const auto unused = pool.acquire();
  }
  std::memset(buffer.get(), 1, 64);
}

TEST(BufferPool, HasBuffersOfNoBytes) {
  EXPECT_NE(BufferPool(0).acquire(), nullptr);
}

TEST(BufferPool, IsSharedByThreads) {
  BufferPool pool(4096);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&pool, thread] {
      for (int i = 0; i < 2000; ++i) {
        const auto buffer = pool.acquire();
        std::memset(buffer.get(), thread, 4096);
        const auto* bytes = static_cast<const unsigned char*>(buffer.get());
        ASSERT_EQ(bytes[4095], thread);
      }
    });
  }
}

}  // namespace
}  // namespace trainyard::data
