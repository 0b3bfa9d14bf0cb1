// What collectives of the host backends promise beyond the values that the test driver compares.
#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>

#include "comm/values.h"
#include "comm/versions.h"
#include "core/error.h"
#include "open_group.h"
#include "operations.h"

namespace trainyard::comm {
namespace {

using test::combined;
using test::content;
using test::open_group;
using test::world;

class Collectives : public testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<HostCommunicator> group_ = open_group(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Backends, Collectives, testing::ValuesIn(test::backends()), test::backend_label);

TEST_P(Collectives, SayWhichPathTheyTake) {
  EXPECT_EQ(group_->backend(), GetParam());
}

TEST_P(Collectives, AllReduceAddsInTheOrderOfTheRanks) {
  // Values for which (a + b) + c differs from a + (b + c).
  const auto value = [](int rank, std::int64_t i) {
    return std::ldexp(1.0F + static_cast<float>(i % 1000) / 977.0F, (rank * 11 + static_cast<int>(i % 5) * 3) % 23);
  };
  constexpr std::int64_t kSize = 300'001;
  const at::Tensor tensor = at::empty({kSize}, at::kFloat);
  const at::Tensor wanted = at::empty({kSize}, at::kFloat);
  for (std::int64_t i = 0; i < kSize; ++i) {
    tensor.data_ptr<float>()[i] = value(world().rank, i);
    float sum = value(0, i);
    for (int rank = 1; rank < world().size; ++rank)
      sum += value(rank, i);
    wanted.data_ptr<float>()[i] = sum;
  }
  group_->all_reduce(tensor, ReduceOp::kSum)->wait();
  EXPECT_EQ(std::memcmp(tensor.data_ptr(), wanted.data_ptr(), wanted.nbytes()), 0);
}

TEST_P(Collectives, HalfSumsRoundOnce) {
  // In half arithmetic 2048 + 1 stays 2048; added in float and rounded once, four ranks give 2051 -> 2052.
  const at::Tensor tensor = at::full({5}, world().rank == 0 ? 2048 : 1, at::kHalf);
  group_->all_reduce(tensor, ReduceOp::kSum)->wait();
  const float sum = 2048.0F + static_cast<float>(world().size - 1);
  EXPECT_TRUE(at::equal(tensor, at::full({5}, sum, at::kFloat).to(at::kHalf)));
}

TEST_P(Collectives, ANanOnOneRankReachesAll) {
  for (const ReduceOp op : {ReduceOp::kSum, ReduceOp::kMax, ReduceOp::kMin}) {
    const at::Tensor tensor = at::full({3}, world().rank == world().size - 1 ? NAN : 1.0F, at::kFloat);
    group_->all_reduce(tensor, op)->wait();
    EXPECT_TRUE(std::isnan(tensor.data_ptr<float>()[2]));
  }
}

// The sharded strategies reduce and gather by these two, and must give what data-parallel ones give.
TEST_P(Collectives, ReduceScatterAndAllGatherGiveTheBitsOfAllReduce) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16})
    for (const std::int64_t size : {std::int64_t{5}, std::int64_t{400'009}}) {
      at::manual_seed(static_cast<std::uint64_t>(world().rank));
      const at::Tensor whole = at::randn({world().size * size}, at::kDouble).exp().to(type);
      const at::Tensor part = at::empty({size}, type);
      group_->reduce_scatter(part, whole, ReduceOp::kSum)->wait();
      const at::Tensor gathered = at::empty_like(whole);
      group_->all_gather(gathered, part)->wait();
      group_->all_reduce(whole, ReduceOp::kSum)->wait();
      EXPECT_EQ(std::memcmp(gathered.data_ptr(), whole.data_ptr(), whole.nbytes()), 0)
          << c10::toString(type) << " x " << size;
    }
}

TEST_P(Collectives, ChannelsLastTensorsAreTakenAsTheyLie) {
  const at::Tensor tensor =
      content(world().rank, 2 * 3 * 4 * 5, at::kFloat).view({2, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast);
  group_->all_reduce(tensor, ReduceOp::kSum)->wait();
  EXPECT_TRUE(at::equal(tensor.contiguous().view({-1}), combined(ReduceOp::kSum, world().size, 120, at::kFloat)));
}

TEST_P(Collectives, ManyInFlightKeepTheirOrder) {
  std::vector<at::Tensor> tensors;
  std::vector<std::shared_ptr<Work>> works;
  for (std::int64_t i = 0; i < 40; ++i) {
    tensors.push_back(content(world().rank, 1 + i * 997, at::kFloat));
    works.push_back(group_->all_reduce(tensors.back(), ReduceOp::kSum));
    if (i % 10 == 0) group_->barrier();
  }
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i]->wait();
    EXPECT_TRUE(works[i]->done());
    EXPECT_TRUE(at::equal(tensors[i], combined(ReduceOp::kSum, world().size, tensors[i].numel(), at::kFloat)));
  }
  std::int64_t last_end_ns = 0;
  for (const auto& work : works) {
    const Interval interval = work->interval();
    EXPECT_LE(interval.enqueue_ns, interval.start_ns);
    EXPECT_LE(last_end_ns, interval.start_ns);
    EXPECT_LE(interval.start_ns, interval.end_ns);
    last_end_ns = interval.end_ns;
  }
}

TEST_P(Collectives, AFastRankDoesNotOverwriteWhatASlowOneStillReads) {
  // Sizes change from one to the next, so that the slices of neighbouring reductions overlap differently.
  std::vector<at::Tensor> tensors;
  std::vector<std::shared_ptr<Work>> works;
  for (int i = 0; i < 60; ++i) {
    tensors.push_back(content(world().rank, i % 2 == 0 ? 400'000 : 230'001, at::kFloat));
    works.push_back(group_->all_reduce(tensors.back(), ReduceOp::kSum));
  }
  for (std::size_t i = 0; i < works.size(); ++i) {
    works[i]->wait();
    EXPECT_TRUE(at::equal(tensors[i], combined(ReduceOp::kSum, world().size, tensors[i].numel(), at::kFloat))) << i;
  }
}

TEST_P(Collectives, AreInTheLedgerOnce) {
  group_->all_reduce(at::zeros({10}, at::kFloat), ReduceOp::kSum)->wait();
  group_->barrier();
  group_->broadcast(at::zeros({3}, at::kLong), 0)->wait();
  const std::vector<CollectiveRecord> records = group_->drain_ledger();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].operation, Operation::kAllReduce);
  EXPECT_EQ(records[0].bytes, 40);
  EXPECT_EQ(records[1].operation, Operation::kBarrier);
  EXPECT_EQ(records[2].bytes, 24);
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].sequence, static_cast<std::int64_t>(i));
    EXPECT_LE(records[i].interval.enqueue_ns, records[i].interval.start_ns);
    EXPECT_LE(records[i].interval.start_ns, records[i].interval.end_ns);
  }
  EXPECT_TRUE(group_->drain_ledger().empty());
}

TEST_P(Collectives, RefuseTensorsTheyCannotCarry) {
  EXPECT_THROW(group_->all_reduce(at::zeros({3}, at::kInt), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group_->all_reduce(at::zeros({4, 4}, at::kFloat).slice(1, 0, 2), ReduceOp::kSum), core::Error);
  EXPECT_THROW(group_->broadcast(at::zeros({3}, at::kFloat), world().size), core::Error);
  EXPECT_THROW(group_->all_gather(at::zeros({world().size * 3 + 1}, at::kFloat), at::zeros({3}, at::kFloat)),
               core::Error);
  EXPECT_THROW(group_->all_gather(at::zeros({world().size * 3}, at::kDouble), at::zeros({3}, at::kFloat)), core::Error);
  const at::Tensor part = at::zeros({3}, at::kFloat);
  EXPECT_THROW(group_->reduce_scatter(part, at::zeros({world().size * 3 + 1}, at::kFloat), ReduceOp::kSum),
               core::Error);
  EXPECT_THROW(
      group_->reduce_scatter(at::zeros({3}, at::kInt), at::zeros({world().size * 3}, at::kInt), ReduceOp::kSum),
      core::Error);
  const at::Tensor whole = at::zeros({world().size * 3 + 1}, at::kFloat);
  const at::Tensor shifted = whole.slice(0, world().rank * 3 + 1, world().rank * 3 + 4);
  EXPECT_THROW(group_->reduce_scatter(shifted, whole.slice(0, 0, world().size * 3), ReduceOp::kSum), core::Error)
      << "it overlaps two blocks";
  EXPECT_THROW(group_->all_gather(whole.slice(0, 0, world().size * 3), shifted), core::Error);
  EXPECT_THROW(group_->exchange({P2P::send(part, world().rank)}), core::Error);
  EXPECT_THROW(group_->exchange({P2P::receive(part, world().size)}), core::Error);
  EXPECT_THROW(group_->exchange({P2P::receive(part, -1)}), core::Error);
  EXPECT_THROW(group_->exchange({P2P::send(at::zeros({4, 4}, at::kFloat).slice(1, 0, 2), 0)}), core::Error);
  EXPECT_THROW(group_->split(-1, 0), core::Error);
}

TEST(World, KnowsItsPlace) {
  EXPECT_GE(world().rank, 0);
  EXPECT_LT(world().rank, world().size);
  EXPECT_EQ(world().local_size, world().size);
  EXPECT_EQ(world().local_rank, world().rank);
  EXPECT_EQ(world().nodes, 1);
  EXPECT_FALSE(world().node.empty());
  EXPECT_TRUE(world().device.is_cpu());
  EXPECT_EQ(world().data->backend(), world().size == 1 ? "local" : "mpi+shm");
  EXPECT_LT(std::abs(world().clock_offset_ns), 1'000'000'000);
}

TEST(World, NamesItsLibraries) {
  const Versions versions = library_versions(world());
  EXPECT_THAT(versions.mpi, testing::MatchesRegex("[A-Za-z].* v?[0-9]+[.].*"));
  EXPECT_EQ(versions.nccl, "") << "not in use on the CPU";
  EXPECT_EQ(versions.cuda, "");
}

TEST(Values, ReduceGatherAndBroadcast) {
  std::vector<double> sums = {1.0, world().rank * 0.5};
  all_reduce(*world().control, sums);
  const int ranks = world().size;
  EXPECT_DOUBLE_EQ(sums[0], ranks);
  EXPECT_DOUBLE_EQ(sums[1], ranks * (ranks - 1) * 0.25);

  std::vector<std::int64_t> largest = {world().rank};
  all_reduce(*world().control, largest, ReduceOp::kMax);
  EXPECT_EQ(largest[0], ranks - 1);

  std::vector<std::int64_t> wanted(static_cast<std::size_t>(ranks));
  std::iota(wanted.begin(), wanted.end(), 100);
  EXPECT_EQ(all_gather(*world().control, std::int64_t{world().rank + 100}), wanted);
  EXPECT_DOUBLE_EQ(all_gather(*world().control, world().rank + 0.25).back(), ranks - 1 + 0.25);
}

TEST(Values, TextsOfAnyLength) {
  const int last = world().size - 1;
  const std::string text = "from " + std::to_string(world().rank) + std::string("\0!", 2);
  EXPECT_EQ(broadcast(*world().control, text, last), "from " + std::to_string(last) + std::string("\0!", 2));
  EXPECT_EQ(broadcast(*world().control, world().rank == 0 ? "" : "other"), "");
  const std::vector<std::string> texts =
      all_gather(*world().control, std::string(static_cast<std::size_t>(world().rank), 'x'));
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(world().size));
  for (std::size_t rank = 0; rank < texts.size(); ++rank)
    EXPECT_EQ(texts[rank], std::string(rank, 'x'));
}

}  // namespace
}  // namespace trainyard::comm
