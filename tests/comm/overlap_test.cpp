// Collectives go on while the caller computes, and waiting for a late rank leaves the core to whoever computes.
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "open_group.h"

namespace trainyard::comm {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::open_group;
using test::world;

class Overlap : public testing::TestWithParam<std::string> {};

INSTANTIATE_TEST_SUITE_P(Backends, Overlap, testing::ValuesIn(test::backends()), test::backend_label);

milliseconds processor_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return std::chrono::duration_cast<milliseconds>(of(usage.ru_utime) + of(usage.ru_stime));
}

TEST_P(Overlap, AnAllReduceEndsWhileTheCallerComputes) {
  const auto group = open_group(GetParam());
  const at::Tensor tensor = at::ones({1 << 20}, at::kFloat);
  const std::shared_ptr<Work> work = group->all_reduce(tensor, ReduceOp::kSum);
  const auto limit = steady_clock::now() + std::chrono::seconds(30);
  volatile double sum = 0;
  while (!work->done() && steady_clock::now() < limit)
    for (int i = 0; i < 1000; ++i)
      sum = sum + std::sqrt(static_cast<double>(i));
  EXPECT_TRUE(work->done()) << "nobody called wait(), so the communication thread must have done it";
  work->wait();
  EXPECT_EQ(tensor.data_ptr<float>()[12345], static_cast<float>(world().size));
}

TEST_P(Overlap, WaitingForALateRankLeavesTheCoreAlone) {
  const auto group = open_group(GetParam());
  group->barrier();
  constexpr milliseconds kLate{500};
  const auto before = processor_time();
  if (world().rank == world().size - 1) std::this_thread::sleep_for(kLate);
  group->all_reduce(at::ones({1 << 10}, at::kFloat), ReduceOp::kSum)->wait();
  EXPECT_LT((processor_time() - before).count(), kLate.count() / 5) << "ms of processor time";
}

TEST_P(Overlap, WhatWasCalledIsCarriedOutBeforeTheEnd) {
  const at::Tensor tensor = at::ones({1 << 18}, at::kFloat);
  {
    const auto group = open_group(GetParam());
    for (int i = 0; i < 3; ++i)
      group->all_reduce(tensor, ReduceOp::kSum);
  }
  EXPECT_EQ(tensor.data_ptr<float>()[77], std::pow(static_cast<float>(world().size), 3.0F));
}

}  // namespace
}  // namespace trainyard::comm
