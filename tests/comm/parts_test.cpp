// The parts of comm that need no second rank.
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "comm/device_map.h"
#include "comm/ledger.h"
#include "comm/limit.h"
#include "comm/liveness.h"
#include "comm/local_communicator.h"
#include "comm/shared_memory.h"
#include "core/error.h"

namespace trainyard::comm {
namespace {

using config::DeviceKind;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST(Ledger, IsBoundedAndSaysWhatItLost) {
  Ledger ledger(2);
  for (int i = 0; i < 5; ++i)
    ledger.finish({.sequence = ledger.next(Operation::kAllReduce),
                   .operation = Operation::kAllReduce,
                   .bytes = i,
                   .interval = {}});
  EXPECT_EQ(ledger.dropped(), 3);
  EXPECT_EQ(ledger.drain().size(), 2U);
  ledger.finish(
      {.sequence = ledger.next(Operation::kBarrier), .operation = Operation::kBarrier, .bytes = 0, .interval = {}});
  const auto records = ledger.drain();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].sequence, 5);
}

TEST(Ledger, DrainsInTheOrderOfTheCalls) {
  Ledger ledger;
  const auto finish = [&](std::int64_t sequence, Operation operation, std::int64_t enqueue_ns) {
    ledger.finish({.sequence = sequence, .operation = operation, .bytes = 0, .interval = {.enqueue_ns = enqueue_ns}});
  };
  finish(1, Operation::kBarrier, 30);
  finish(0, Operation::kBarrier, 10);
  finish(0, Operation::kExchange, 20);
  const auto records = ledger.drain();
  EXPECT_EQ(records[0].interval.enqueue_ns, 10);
  EXPECT_EQ(records[1].operation, Operation::kExchange);
  EXPECT_EQ(records[2].sequence, 1);
}

// Only some ranks make an exchange, and the numbers of the others' collectives must stay the same.
TEST(Ledger, CountsExchangesApart) {
  Ledger ledger;
  EXPECT_EQ(ledger.next(Operation::kExchange), 0);
  EXPECT_EQ(ledger.next(Operation::kExchange), 1);
  EXPECT_EQ(ledger.next(Operation::kAllReduce), 0);
  EXPECT_EQ(ledger.next(Operation::kBarrier), 1);
}

TEST(Limit, StopsAtTheDeadlineOrWhenCancelled) {
  EXPECT_THROW(poll_until([] { return false; }, Limit(milliseconds(5))), core::Error);
  EXPECT_NO_THROW(poll_until([] { return true; }, Limit(milliseconds(0))));
  const std::atomic<bool> cancelled{true};
  const auto begin = steady_clock::now();
  EXPECT_THROW(poll_until([] { return false; }, Limit(std::chrono::hours(1), &cancelled)), core::Error);
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(LocalCommunicator, HasNothingToExchange) {
  LocalCommunicator group;
  const at::Tensor tensor = at::ones({4}, at::kFloat);
  const at::Tensor gathered = at::zeros({4}, at::kFloat);
  const std::shared_ptr<Work> work = group.all_reduce(tensor, ReduceOp::kSum);
  EXPECT_TRUE(work->done());
  work->wait();
  group.all_gather(gathered, tensor)->wait();
  EXPECT_TRUE(at::equal(gathered, at::ones({4}, at::kFloat)));
  group.broadcast(tensor, 0)->wait();
  const at::Tensor reduced = at::zeros({4}, at::kFloat);
  group.reduce_scatter(reduced, tensor, ReduceOp::kSum)->wait();
  EXPECT_TRUE(at::equal(reduced, at::ones({4}, at::kFloat)));
  group.exchange({})->wait();
  EXPECT_EQ(group.split(5, 0)->size(), 1);
  group.barrier();
  EXPECT_EQ(group.drain_ledger().size(), 7U);
}

// A run on one rank must not accept what two ranks refuse.
TEST(LocalCommunicator, RefusesWhatTheOthersRefuse) {
  LocalCommunicator group;
  const at::Tensor three = at::zeros({3}, at::kFloat);
  const at::Tensor gaps = at::zeros({4, 4}, at::kFloat).slice(1, 0, 2);
  EXPECT_THROW(group.all_reduce(at::zeros({3}, at::kInt), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group.all_reduce(gaps, ReduceOp::kSum), core::Error);
  EXPECT_THROW(group.all_reduce(at::Tensor(), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group.broadcast(three, 1), core::Error);
  EXPECT_THROW(group.broadcast(three, -1), core::Error);
  EXPECT_THROW(group.broadcast(gaps, 0), core::Error);
  EXPECT_THROW(group.all_gather(at::zeros({4}, at::kFloat), three), core::Error);
  EXPECT_THROW(group.all_gather(at::zeros({3}, at::kDouble), three), core::Error);
  EXPECT_THROW(group.all_gather(at::zeros({8}, at::kFloat), gaps), core::Error);
  EXPECT_THROW(group.all_gather(at::zeros({3, 2}, at::kFloat).t(), at::zeros({6}, at::kFloat)), core::Error);
  EXPECT_THROW(group.reduce_scatter(three, at::zeros({4}, at::kFloat), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group.reduce_scatter(at::zeros({3}, at::kInt), at::zeros({3}, at::kInt), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group.exchange({P2P::send(three, 0)}), core::Error);
  EXPECT_THROW(group.split(-1, 0), core::Error);
  EXPECT_TRUE(group.drain_ledger().empty()) << "what is refused did not happen";
}

TEST(LocalCommunicator, GathersTensorsAsTheyLie) {
  LocalCommunicator group;
  const at::Tensor rows = at::arange(6, at::kFloat).view({2, 3});
  const at::Tensor gathered = at::zeros({6}, at::kFloat);
  group.all_gather(gathered, rows.t())->wait();
  EXPECT_TRUE(at::equal(gathered, at::arange(6, at::kFloat)));
}

/// An environment of these variables and no others.
Environ environment(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(DeviceMap, ByLocalRank) {
  EXPECT_EQ(choose_device_index(DeviceKind::kAuto, 1, 2, 4, environment({})), 1);
  EXPECT_EQ(choose_device_index(DeviceKind::kCuda, 3, 4, 4, environment({})), 3);
  EXPECT_EQ(choose_device_index(DeviceKind::kAuto, 1, 2, 0, environment({})), -1);
  EXPECT_EQ(choose_device_index(DeviceKind::kCpu, 1, 2, 4, environment({})), -1);
}

/// What is said to one of four ranks that sees two devices.
std::string refusal_of_four_ranks(std::map<std::string, std::string> variables) {
  try {
    choose_device_index(DeviceKind::kAuto, 0, 4, 2, environment(std::move(variables)));
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return {};
}

TEST(DeviceMap, RefusesWhatCannotBe) {
  EXPECT_THROW(choose_device_index(DeviceKind::kCuda, 0, 1, 0, environment({})), core::UsageError);
  EXPECT_THAT(refusal_of_four_ranks({}), AllOf(HasSubstr("4 ranks"), HasSubstr("sees 2 CUDA devices; start at most")));
}

TEST(DeviceMap, SaysWhatHidesDevices) {
  const auto names_the_binding = [](const std::string& variable) {
    return AllOf(HasSubstr("Slurm bound the GPUs to tasks (" + variable + ")"), HasSubstr("without --gpus-per-task"));
  };
  EXPECT_THAT(refusal_of_four_ranks({{"SLURM_GPUS_PER_TASK", "1"}, {"CUDA_VISIBLE_DEVICES", "0,1"}}),
              names_the_binding("SLURM_GPUS_PER_TASK=1"));
  EXPECT_THAT(refusal_of_four_ranks({{"SLURM_TRES_PER_TASK", "cpu=2,gres/gpu=1"}}),
              names_the_binding("SLURM_TRES_PER_TASK=cpu=2,gres/gpu=1"));
  EXPECT_THAT(refusal_of_four_ranks({{"SLURM_GPU_BIND", "single:1"}}), names_the_binding("SLURM_GPU_BIND=single:1"));
  EXPECT_THAT(refusal_of_four_ranks({{"SLURM_TRES_PER_TASK", "cpu=2"}, {"SLURM_GPU_BIND", "none"}}),
              Not(HasSubstr("Slurm")))
      << "neither binds GPUs";
  EXPECT_THAT(refusal_of_four_ranks({{"CUDA_VISIBLE_DEVICES", "0,1"}}), HasSubstr("(CUDA_VISIBLE_DEVICES=0,1)"));
}

std::string unique_name() {
  return "/trainyard-test-" + std::to_string(getpid());
}

TEST(SharedMemory, IsSharedAndGoesWithItsName) {
  const std::string name = unique_name();
  const SharedMemory created = SharedMemory::create(name, 4096);
  const SharedMemory opened = SharedMemory::open(name, 4096);
  EXPECT_THROW(SharedMemory::create(name, 4096), core::Error);
  SharedMemory::unlink(name);
  EXPECT_THROW(SharedMemory::open(name, 4096), core::Error);
  std::memset(created.data(), 7, created.bytes());
  EXPECT_EQ(opened.data()[4095], std::byte{7});
}

TEST(SharedMemory, MoreThanThereIsIsAnErrorNowNotASignalLater) {
  const std::string name = unique_name();
  EXPECT_THROW(SharedMemory::create(name, std::size_t{1} << 50), core::Error);
  EXPECT_THROW(SharedMemory::open(name, 4096), core::Error) << "nothing is left behind";
}

TEST(Futex, WakesAndTimesOut) {
  std::atomic<std::uint32_t> word{0};
  const auto begin = steady_clock::now();
  futex_wait(word, 0, milliseconds(20));
  EXPECT_GE(steady_clock::now() - begin, milliseconds(15));
  futex_wait(word, 1, std::chrono::hours(1));  // differs already
  std::thread waker([&] {
    word = 1;
    futex_wake_all(word);
  });
  while (word == 0)
    futex_wait(word, 0, std::chrono::hours(1));
  waker.join();
}

TEST(Liveness, ShowsAProcessThatWasKilled) {
  const std::string name = unique_name();
  const SharedMemory memory = SharedMemory::create(name, 4096);
  SharedMemory::unlink(name);
  auto& mutex = *reinterpret_cast<pthread_mutex_t*>(memory.data());
  auto& ready = *new (memory.data() + 1024) std::atomic<int>(0);
  Liveness::prepare(mutex);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Liveness alive(mutex);
    ready = 1;
    while (true)
      pause();
  }
  while (ready == 0)
    std::this_thread::sleep_for(milliseconds(1));
  EXPECT_TRUE(Liveness::is_held(mutex));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_FALSE(Liveness::is_held(mutex));
  EXPECT_FALSE(Liveness::is_held(mutex)) << "for whoever asks next, too";
}

TEST(Liveness, ShowsOneThatLetGo) {
  pthread_mutex_t mutex;
  Liveness::prepare(mutex);
  { const Liveness alive(mutex); }
  EXPECT_FALSE(Liveness::is_held(mutex));
}

}  // namespace
}  // namespace trainyard::comm
