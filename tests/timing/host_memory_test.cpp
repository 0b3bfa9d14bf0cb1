#include "timing/host_memory.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "timing/memory_probe.h"

namespace trainyard::timing {
namespace {

at::Tensor bytes(std::int64_t count) {
  return at::empty({count}, at::kByte);
}

class HostMemoryTest : public testing::Test {
 protected:
  void SetUp() override {
    count_host_memory();
    before_ = host_memory()->allocated;
    reset_host_peak();
  }
  void TearDown() override { limit_host_memory(0); }
  /// Since the test began.
  std::int64_t added() const { return host_memory()->allocated - before_; }
  std::int64_t peak_added() const { return host_memory()->peak - before_; }

  std::int64_t before_ = 0;
};

TEST_F(HostMemoryTest, CountsTheBytesOfTensorsUntilTheyAreFreed) {
  {
    const at::Tensor first = bytes(1000);
    const at::Tensor view = first.narrow(0, 0, 10);
    const at::Tensor empty = bytes(0);
    EXPECT_EQ(added(), 1000);
    const at::Tensor second = first.clone();
    EXPECT_EQ(added(), 2000);
  }
  EXPECT_EQ(added(), 0);
  EXPECT_EQ(peak_added(), 2000);
}

TEST_F(HostMemoryTest, ThePeakIsThatSinceItWasReset) {
  bytes(5000);
  EXPECT_EQ(peak_added(), 5000);
  const at::Tensor kept = bytes(100);
  reset_host_peak();
  EXPECT_EQ(peak_added(), 100);
}

TEST_F(HostMemoryTest, CountsOnEveryThreadAndWhatOneMakesAndAnotherFrees) {
  std::vector<at::Tensor> made(8);
  std::vector<std::thread> threads;
  for (at::Tensor& tensor : made) {
    threads.emplace_back([&tensor] {
      for (int i = 0; i < 1000; ++i)
        tensor = bytes(256);
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  EXPECT_EQ(added(), 8 * 256);
  made.clear();
  EXPECT_EQ(added(), 0);
}

TEST_F(HostMemoryTest, TensorsKeepTheAlignmentAndResizing) {
  at::Tensor tensor = at::ones({3});
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.data_ptr()) % 64, 0u);
  tensor.resize_({1000});
  EXPECT_EQ(tensor.narrow(0, 0, 3).sum().item<float>(), 3.0F);
}

TEST_F(HostMemoryTest, ALimitRefusesWhatGoesBeyondAndNothingElse) {
  limit_host_memory(before_ + 1000);
  const at::Tensor fits = bytes(600);
  EXPECT_THROW(bytes(401), c10::OutOfMemoryError);
  EXPECT_EQ(added(), 600);
  EXPECT_NO_THROW(bytes(400));
  EXPECT_EQ(device_memory(at::kCPU).allocated, host_memory()->allocated);
}

TEST_F(HostMemoryTest, WhatTheMachineDoesNotHaveIsOutOfMemory) {
  EXPECT_THROW(bytes(std::int64_t{1} << 60), c10::OutOfMemoryError);
  EXPECT_EQ(added(), 0);
}

}  // namespace
}  // namespace trainyard::timing
