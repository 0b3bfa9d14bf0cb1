// What the NCCL backend promises beyond the values that the test driver compares.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDAStream.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>

#include "comm/cuda_event.h"
#include "core/clock.h"
#include "core/error.h"
#include "open_nccl.h"

namespace trainyard::comm {
namespace {

using test::world;

class Nccl : public testing::Test {
 protected:
  void SetUp() override {
    const std::optional<at::Device> device = test::nccl_device();
    if (!device) GTEST_SKIP() << "no CUDA device";
    device_ = *device;
  }

  std::unique_ptr<NcclCommunicator> open(bool check = false,
                                         std::chrono::milliseconds deadline = std::chrono::minutes(1)) const {
    return test::open_nccl(device_, check, deadline);
  }

  at::Device device_ = at::kCPU;
};

TEST_F(Nccl, SaysWhatItIs) {
  EXPECT_EQ(open()->backend(), "nccl");
}

TEST_F(Nccl, ComesAfterWhatTheCurrentStreamDoesAndBeforeWhatFollows) {
  const auto group = open();
  const at::Tensor tensor = at::zeros({1 << 22}, at::TensorOptions().dtype(at::kFloat).device(device_));
  for (int round = 0; round < 20; ++round) {
    tensor.fill_(1);
    group->all_reduce(tensor, ReduceOp::kSum)->wait();
    tensor.mul_(2);
  }
  EXPECT_TRUE(at::equal(tensor.cpu(), at::full({1 << 22}, 2.0 * world().size, at::kFloat)));
}

TEST_F(Nccl, TimesLieWithinTheHostsOwn) {
  const auto group = open();
  group->barrier();
  group->drain_ledger();
  const at::Tensor tensor = at::ones({1 << 24}, at::TensorOptions().dtype(at::kFloat).device(device_));
  constexpr std::int64_t kSlack_ns = 1'000'000;
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));  // past a new anchor
  const std::int64_t before_ns = core::steady_ns();
  const std::shared_ptr<Work> work = group->all_reduce(tensor, ReduceOp::kSum);
  group->barrier();
  const std::int64_t after_ns = core::steady_ns();
  EXPECT_TRUE(work->done());
  const Interval interval = work->interval();
  EXPECT_GE(interval.enqueue_ns, before_ns);
  EXPECT_GE(interval.start_ns, before_ns - kSlack_ns);
  EXPECT_LT(interval.start_ns, interval.end_ns);
  EXPECT_LE(interval.end_ns, after_ns + kSlack_ns);
  const std::vector<CollectiveRecord> records = group->drain_ledger();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].bytes, std::int64_t{4} << 24);
  EXPECT_EQ(records[1].operation, Operation::kBarrier);
}

TEST_F(Nccl, ATensorDroppedAtOnceIsStillReduced) {
  const auto group = open();
  const at::Tensor kept = at::ones({1 << 20}, at::TensorOptions().dtype(at::kFloat).device(device_));
  for (int round = 0; round < 50; ++round) {
    group->all_reduce(at::ones({1 << 20}, at::TensorOptions().dtype(at::kFloat).device(device_)), ReduceOp::kSum);
    at::full({1 << 20}, 7, at::TensorOptions().dtype(at::kFloat).device(device_));  // would take freed memory
  }
  group->all_reduce(kept, ReduceOp::kSum)->wait();
  EXPECT_TRUE(at::equal(kept.cpu(), at::full({1 << 20}, world().size, at::kFloat)));
}

TEST_F(Nccl, RefusesHostTensors) {
  const auto group = open();
  EXPECT_THROW(group->all_reduce(at::zeros({3}, at::kFloat), ReduceOp::kSum), core::Error);
}

TEST_F(Nccl, DebugModeNamesTheRankThatCallsSomethingElse) {
  if (world().size < 2) GTEST_SKIP() << "one rank agrees with itself";
  const auto group = open(true);
  const std::int64_t size = world().rank == world().size - 1 ? 4 : 3;
  const at::Tensor tensor = at::zeros({size}, at::TensorOptions().dtype(at::kFloat).device(device_));
  try {
    group->all_reduce(tensor, ReduceOp::kSum)->wait();
    ADD_FAILURE() << "no error";
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("rank " + std::to_string(world().size - 1) + " calls all_reduce"));
  }
  world().control->barrier();
}

TEST_F(Nccl, ARankThatNeverCallsIsReportedAtTheDeadline) {
  if (world().size < 2) GTEST_SKIP() << "one rank has nobody to fail it";
  const auto group = open(false, std::chrono::seconds(2));
  group->barrier();
  if (world().rank != world().size - 1) {
    const at::Tensor tensor = at::ones({1 << 20}, at::TensorOptions().dtype(at::kFloat).device(device_));
    group->all_reduce(tensor, ReduceOp::kSum);
    try {
      group->barrier();
      ADD_FAILURE() << "no error";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("on rank " + std::to_string(world().rank)));
    }
  }
  world().control->barrier();
}

/// Computing that does not end: keeps what is put on `stream` after it waiting until release().
class Blockade {
 public:
  explicit Blockade(cudaStream_t stream) : stream_(stream) {
    check_cuda(cudaLaunchHostFunc(stream, wait, &released_), "cudaLaunchHostFunc");
  }
  ~Blockade() {
    release();
    cudaStreamSynchronize(stream_);  // the function reads released_
  }
  Blockade(const Blockade&) = delete;
  Blockade& operator=(const Blockade&) = delete;
  void release() { released_ = true; }

 private:
  static void wait(void* released) {
    while (!*static_cast<std::atomic<bool>*>(released))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  cudaStream_t stream_;
  std::atomic<bool> released_{false};
};

TEST_F(Nccl, WhatNeverBeginsIsReportedAtTheDeadline) {
  const auto group = open(false, std::chrono::seconds(2));
  const at::Tensor tensor = at::ones({1 << 10}, at::TensorOptions().dtype(at::kFloat).device(device_));
  group->all_reduce(tensor, ReduceOp::kSum)->wait();
  group->barrier();
  {
    const Blockade blockade(c10::cuda::getCurrentCUDAStream());
    const auto begin = std::chrono::steady_clock::now();
    const std::shared_ptr<Work> work = group->all_reduce(tensor, ReduceOp::kSum);
    try {
      group->barrier();
      ADD_FAILURE() << "no error";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("still waiting to begin after 2 s"));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    EXPECT_THROW(work->wait(), core::Error);
    group->drain_ledger();
  }
  world().control->barrier();
}

TEST_F(Nccl, AnAnchorDoesNotWaitForItsStream) {
  const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  Blockade blockade(stream);
  CudaAnchor anchor(stream);
  EXPECT_FALSE(anchor.look_for(std::chrono::milliseconds(5)));
  blockade.release();
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_TRUE(anchor.look_for(std::chrono::seconds(10)));
  EXPECT_GE(anchor.uncertainty_ns(), 50'000'000) << "it passed somewhere between two looks";
}

}  // namespace
}  // namespace trainyard::comm
