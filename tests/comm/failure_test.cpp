// What happens when ranks do not do the same: an error that names them, never a hang.
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <string>

#include "core/error.h"
#include "open_group.h"

namespace trainyard::comm {
namespace {

using std::chrono::milliseconds;
using test::open_group;
using test::world;
using testing::AllOf;
using testing::HasSubstr;

/// The message of the core::Error that body throws; empty when it throws none.
std::string error_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const core::Error& error) {
    return error.what();
  }
  return {};
}

class Failure : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (world().size < 2) GTEST_SKIP() << "one rank has nobody to fail it";
  }
  int last() const { return world().size - 1; }
};

INSTANTIATE_TEST_SUITE_P(Backends, Failure, testing::ValuesIn(test::backends()), test::backend_label);

TEST_P(Failure, ARankThatNeverCallsIsReportedAtTheDeadline) {
  const auto group = open_group(GetParam(), {.deadline = milliseconds(600)});
  group->barrier();
  if (world().rank != last()) {
    const auto begin = std::chrono::steady_clock::now();
    const std::shared_ptr<Work> work = group->all_reduce(at::zeros({100'000}, at::kFloat), ReduceOp::kSum);
    const std::shared_ptr<Work> next = group->all_reduce(at::zeros({10}, at::kFloat), ReduceOp::kSum);
    EXPECT_THAT(error_of([&] { work->wait(); }),
                AllOf(HasSubstr("all_reduce(sum) of 100000 Float #1 on rank " + std::to_string(world().rank)),
                      testing::AnyOf(HasSubstr("600 ms"), HasSubstr("gave up"))));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    EXPECT_TRUE(work->done());
    EXPECT_THAT(error_of([&] { next->wait(); }), HasSubstr("#1")) << "what was queued fails with the first failure";
    EXPECT_THAT(error_of([&] { group->barrier(); }), HasSubstr("#1")) << "and so does what comes later";
  }
  world().control->barrier();
}

TEST_P(Failure, DebugModeNamesTheRankThatCallsSomethingElse) {
  if (world().size == 2) {
    const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = milliseconds(20'000)});
    group->all_reduce(at::zeros({3}, at::kFloat), ReduceOp::kSum)->wait();
    const at::Tensor tensor = at::zeros({world().rank == 0 ? 3 : 4}, at::kFloat);
    EXPECT_THAT(error_of([&] { group->all_reduce(tensor, ReduceOp::kSum)->wait(); }),
                HasSubstr("rank 1 calls all_reduce(sum) of 4 Float; the others call all_reduce(sum) of 3 Float"));
  } else {
    // Three of four agree, whoever asks first: the odd one is named, also when it is rank 0.
    for (const int odd : {0, last()}) {
      const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = milliseconds(20'000)});
      const at::Tensor tensor = at::zeros({8}, at::kFloat);
      const std::string error = error_of([&] {
        (world().rank == odd ? group->broadcast(tensor, 1) : group->all_reduce(tensor, ReduceOp::kMax))->wait();
      });
      EXPECT_THAT(error, HasSubstr("rank " + std::to_string(odd) +
                                   " calls broadcast(root 1) of 8 Float; the others call all_reduce(max) of 8 Float"));
    }
  }
  world().control->barrier();
}

TEST_P(Failure, DebugModeComparesTypes) {
  const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = milliseconds(20'000)});
  const at::Tensor tensor = at::zeros({8}, world().rank == last() ? at::kDouble : at::kFloat);
  EXPECT_THAT(error_of([&] { group->all_reduce(tensor, ReduceOp::kSum)->wait(); }),
              HasSubstr("rank " + std::to_string(last()) + " calls all_reduce(sum) of 8 Double"));
  world().control->barrier();
}

// Each collective with something that the last rank does otherwise, and what is said about that.
TEST_P(Failure, DebugModeComparesEveryCollective) {
  const std::int64_t ranks = world().size;
  const bool odd = world().rank == last();
  const auto zeros = [](std::int64_t size) { return at::zeros({size}, at::kFloat); };
  struct Difference {
    std::function<void(Communicator&)> call;
    std::string said;
  };
  const Difference differences[] = {
      {[&](auto& group) { group.all_reduce(zeros(8), odd ? ReduceOp::kMin : ReduceOp::kSum)->wait(); },
       "calls all_reduce(min) of 8 Float; the others call all_reduce(sum) of 8 Float"},
      {[&](auto& group) { group.broadcast(zeros(8), odd ? 1 : 0)->wait(); },
       "calls broadcast(root 1) of 8 Float; the others call broadcast(root 0) of 8 Float"},
      {[&](auto& group) { group.all_gather(zeros(ranks * (odd ? 4 : 3)), zeros(odd ? 4 : 3))->wait(); },
       "calls all_gather of 4 Float; the others call all_gather of 3 Float"},
      {[&](auto& group) {
         group.reduce_scatter(zeros(odd ? 4 : 3), zeros(ranks * (odd ? 4 : 3)), ReduceOp::kSum)->wait();
       },
       "calls reduce_scatter(sum) of " + std::to_string(4 * ranks) + " Float; the others call reduce_scatter(sum) of " +
           std::to_string(3 * ranks) + " Float"},
      {[&](auto& group) { odd ? group.barrier() : group.all_reduce(zeros(1), ReduceOp::kSum)->wait(); },
       "calls barrier; the others call all_reduce(sum) of 1 Float"},
      {[&](auto& group) {
         if (odd)
           group.split(0, 0);
         else
           group.barrier();
       },
       "calls split; the others call barrier"},
  };
  for (const Difference& difference : differences) {
    const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = milliseconds(20'000)});
    EXPECT_THAT(error_of([&] { difference.call(*group); }),
                HasSubstr("rank " + std::to_string(last()) + " " + difference.said));
    world().control->barrier();
  }
}

TEST_P(Failure, AMessageThatNeverComesIsReportedAtTheDeadline) {
  const auto group = open_group(GetParam(), {.deadline = milliseconds(600)});
  group->barrier();
  if (world().rank == 0) {
    const at::Tensor tensor = at::zeros({3}, at::kFloat);
    const std::shared_ptr<Work> work = group->exchange({P2P::receive(tensor, last())});
    EXPECT_THAT(error_of([&] { work->wait(); }),
                AllOf(HasSubstr("exchange(receives 3 Float from rank " + std::to_string(last()) + ") #0 on rank 0"),
                      HasSubstr("600 ms")));
    EXPECT_THAT(error_of([&] { group->barrier(); }), HasSubstr("exchange(")) << "what comes later fails with it";
    EXPECT_THAT(error_of([&] { group->exchange({P2P::send(tensor, last())})->wait(); }),
                HasSubstr("exchange(receives"));
  }
  world().control->barrier();
}

TEST_P(Failure, AMessageOfAnotherSizeIsRefused) {
  for (const std::int64_t sent : {2, 4}) {
    const auto group = open_group(GetParam(), {.deadline = milliseconds(5'000)});
    if (world().rank == 0) group->exchange({P2P::send(at::zeros({sent}, at::kFloat), last())})->wait();
    if (world().rank == last()) {
      const at::Tensor tensor = at::zeros({3}, at::kFloat);
      EXPECT_THAT(error_of([&] { group->exchange({P2P::receive(tensor, 0)})->wait(); }),
                  AllOf(HasSubstr("exchange(receives 3 Float from rank 0)"),
                        HasSubstr(sent == 2 ? "8 bytes came from rank 0, where 12 were expected" : "trunc")));
    }
    world().control->barrier();
  }
}

TEST_P(Failure, DebugModeComparesBothSidesOfAMessage) {
  const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = milliseconds(20'000)});
  const at::Tensor three = at::zeros({3}, at::kFloat);
  const at::Tensor halves = at::zeros({6}, at::kHalf);
  const std::string wanted =
      "rank 0 sends 3 Float to rank " + std::to_string(last()) + ", which receives 6 Half";  // as many bytes
  if (world().rank == 0) {
    EXPECT_THAT(error_of([&] { group->exchange({P2P::send(three, last())})->wait(); }), HasSubstr(wanted));
  }
  if (world().rank == last()) {
    EXPECT_THAT(error_of([&] { group->exchange({P2P::receive(halves, 0)})->wait(); }), HasSubstr(wanted));
  }
  world().control->barrier();
}

TEST_P(Failure, ACollectiveUnderWayEndsWhenAnExchangeFails) {
  const auto group = open_group(GetParam(), {.check_agreement = true, .deadline = std::chrono::minutes(10)});
  const at::Tensor tensor = at::zeros({3}, at::kFloat);
  if (world().rank == 0) {
    const std::shared_ptr<Work> reduces = group->all_reduce(tensor, ReduceOp::kSum);
    EXPECT_NE(error_of([&] { group->exchange({P2P::send(tensor, last())})->wait(); }), "");
    EXPECT_THAT(error_of([&] { reduces->wait(); }), HasSubstr("exchange(sends 3 Float"));
  }
  if (world().rank == last()) {
    EXPECT_NE(error_of([&] { group->exchange({P2P::receive(at::zeros({4}, at::kFloat), 0)})->wait(); }), "");
  }
  world().control->barrier();
}

TEST_P(Failure, AnExceptionThatUnwindsDoesNotWaitForTheOthers) {
  const auto begin = std::chrono::steady_clock::now();
  const auto unwound = [&] {
    const auto group = open_group(GetParam(), {.deadline = std::chrono::minutes(10)});
    group->barrier();
    if (world().rank == last()) return;
    group->all_reduce(at::zeros({100'000}, at::kFloat), ReduceOp::kSum);
    group->exchange({P2P::receive(at::zeros({3}, at::kFloat), last())});
    throw core::Error("elsewhere");
  };
  if (world().rank == last())
    unwound();
  else
    EXPECT_EQ(error_of(unwound), "elsewhere");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
  world().control->barrier();
}

}  // namespace
}  // namespace trainyard::comm
