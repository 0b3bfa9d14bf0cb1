// What exchanges and split groups promise beyond the values that the test driver compares.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/flight_recorder.h"
#include "open_group.h"
#include "operations.h"
#include "support/temporary_folder.h"

namespace trainyard::comm {
namespace {

using test::content;
using test::open_group;
using test::world;

// Too large for a message that a sender can leave behind: both sides have to take part.
constexpr std::int64_t kLarge = 2'000'003;

class Exchange : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (world().size < 2) GTEST_SKIP() << "one rank has nobody to exchange with";
    group_ = open_group(GetParam());
  }
  /// Rank 0's peer is 1 and the reverse; the others have none.
  bool takes_part() const { return world().rank < 2; }
  int peer() const { return 1 - world().rank; }

  std::unique_ptr<HostCommunicator> group_;
};

INSTANTIATE_TEST_SUITE_P(Backends, Exchange, ::testing::ValuesIn(test::backends()), test::backend_label);

TEST_P(Exchange, OneDoesNotWaitForAnother) {
  if (takes_part()) {
    const at::Tensor received = at::zeros({kLarge}, at::kFloat);
    const std::shared_ptr<Work> receives = group_->exchange({P2P::receive(received, peer())});
    const std::shared_ptr<Work> sends =
        group_->exchange({P2P::send(content(world().rank, kLarge, at::kFloat), peer())});
    receives->wait();
    sends->wait();
    EXPECT_TRUE(at::equal(received, content(peer(), kLarge, at::kFloat)));
  }
  group_->barrier();
}

TEST_P(Exchange, GoesOnWhileACollectiveWaits) {
  if (world().rank == 0) {
    const at::Tensor sum = at::full({kLarge}, 1, at::kFloat);
    const std::shared_ptr<Work> reduces = group_->all_reduce(sum, ReduceOp::kSum);
    const at::Tensor received = at::zeros({kLarge}, at::kFloat);
    group_->exchange({P2P::send(sum.clone().fill_(5), 1), P2P::receive(received, 1)})->wait();
    EXPECT_TRUE(at::equal(received, at::full({kLarge}, 7, at::kFloat)));
    EXPECT_FALSE(reduces->done()) << "rank 1 joins it later";
    group_->exchange({P2P::send(at::zeros({1}, at::kByte), 1)})->wait();
    reduces->wait();
    EXPECT_EQ(sum.data_ptr<float>()[77], static_cast<float>(world().size));
    return;
  }
  if (world().rank == 1) {
    const at::Tensor received = at::zeros({kLarge}, at::kFloat);
    group_->exchange({P2P::receive(received, 0), P2P::send(at::full({kLarge}, 7, at::kFloat), 0)})->wait();
    EXPECT_TRUE(at::equal(received, at::full({kLarge}, 5, at::kFloat)));
    group_->exchange({P2P::receive(at::zeros({1}, at::kByte), 0)})->wait();
  }
  group_->all_reduce(at::full({kLarge}, 1, at::kFloat), ReduceOp::kSum)->wait();
}

TEST_P(Exchange, ATensorDroppedAtOnceIsStillSent) {
  if (takes_part()) {
    const at::Tensor received = at::zeros({kLarge}, at::kFloat);
    if (world().rank == 0) {
      for (int round = 0; round < 5; ++round) {
        group_->exchange({P2P::send(at::full({kLarge}, round, at::kFloat), 1)});
        at::full({kLarge}, 99, at::kFloat);  // would take freed memory
      }
    } else {
      for (int round = 0; round < 5; ++round) {
        group_->exchange({P2P::receive(received, 0)})->wait();
        EXPECT_TRUE(at::equal(received, at::full({kLarge}, round, at::kFloat)));
      }
    }
  }
  group_->barrier();
}

TEST_P(Exchange, IsInTheLedgerOfThoseWhoTakePart) {
  if (takes_part()) {
    const at::Tensor received = at::zeros({10}, at::kFloat);
    group_->exchange({P2P::send(at::zeros({10}, at::kFloat), peer()), P2P::receive(received, peer())})->wait();
  }
  group_->barrier();
  const std::vector<CollectiveRecord> records = group_->drain_ledger();
  ASSERT_EQ(records.size(), takes_part() ? 2U : 1U);
  EXPECT_EQ(records.back().operation, Operation::kBarrier);
  EXPECT_EQ(records.back().sequence, 0) << "the same on every rank";
  if (!takes_part()) return;
  EXPECT_EQ(records[0].operation, Operation::kExchange);
  EXPECT_EQ(records[0].sequence, 0);
  EXPECT_EQ(records[0].bytes, 80);
  EXPECT_LE(records[0].interval.enqueue_ns, records[0].interval.start_ns);
  EXPECT_LE(records[0].interval.start_ns, records[0].interval.end_ns);
}

TEST(FlightRecord, HoldsWhatACommunicatorAndItsPartsCall) {
  const testing::TemporaryFolder folder;
  const auto recorder = std::make_shared<core::FlightRecorder>(world().rank, world().size, world().node);
  const auto group = open_group("mpi", {.recorder = recorder, .name = "data"});
  group->barrier();
  const std::unique_ptr<Communicator> part = group->split(0, 0);
  recorder->keep_in(folder.path());
  part->all_reduce(at::zeros({4}, at::kFloat), ReduceOp::kSum)->wait();
  const std::vector<core::RecordedGroup> groups = core::read_flight_records(folder.path()).at(0).groups;
  ASSERT_GE(groups.size(), 2U);
  EXPECT_EQ(groups[0].name, "data");
  EXPECT_EQ(groups[0].ended, 1) << "the barrier and the split";
  EXPECT_FALSE(groups[0].is_pending());
  if (world().size == 1) return;  // a part of one rank records nothing
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(groups[1].name, "data exchanges");
  EXPECT_EQ(groups[2].name, "data/0:0");
  EXPECT_EQ(groups[2].text, "all_reduce(sum) of 4 Float");
  EXPECT_EQ(groups[2].ended, 0);
}

class Split : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<HostCommunicator> group_ = open_group(GetParam());
  const int rank_ = world().rank;
  const int size_ = world().size;
};

INSTANTIATE_TEST_SUITE_P(Backends, Split, ::testing::ValuesIn(test::backends()), test::backend_label);

TEST_P(Split, RanksByKeyThenByRank) {
  const std::unique_ptr<Communicator> reversed = group_->split(0, -rank_);
  EXPECT_EQ(reversed->size(), size_);
  EXPECT_EQ(reversed->rank(), size_ - 1 - rank_);
  const std::unique_ptr<Communicator> kept = group_->split(3, 7);
  EXPECT_EQ(kept->rank(), rank_);
}

TEST_P(Split, IsOfItsParentsKindAndLocalWhereNobodyElseHasTheColor) {
  const std::unique_ptr<Communicator> all = group_->split(0, 0);
  EXPECT_EQ(all->backend(), size_ == 1 ? "local" : GetParam());
  const std::unique_ptr<Communicator> alone = group_->split(rank_, 0);
  EXPECT_EQ(alone->backend(), "local");
  EXPECT_EQ(alone->size(), 1);
}

TEST_P(Split, PartsAndTheWholeGoOnBesideEachOther) {
  const std::unique_ptr<Communicator> part = group_->split(rank_ % 2, 0);
  std::vector<std::shared_ptr<Work>> works;
  std::vector<at::Tensor> sums;
  for (int round = 0; round < 20; ++round) {
    sums.push_back(at::full({30'011}, 1, at::kFloat));
    works.push_back((round % 2 == 0 ? *part : *group_).all_reduce(sums.back(), ReduceOp::kSum));
  }
  for (std::size_t round = 0; round < works.size(); ++round) {
    works[round]->wait();
    const int ranks = round % 2 == 0 ? part->size() : size_;
    EXPECT_EQ(sums[round].data_ptr<float>()[30'010], static_cast<float>(ranks));
  }
}

TEST_P(Split, OutlivesTheGroupItCameFrom) {
  const std::unique_ptr<Communicator> part = group_->split(0, 0);
  group_.reset();
  const at::Tensor sum = at::full({5}, 1, at::kFloat);
  part->all_reduce(sum, ReduceOp::kSum)->wait();
  EXPECT_EQ(sum.data_ptr<float>()[4], static_cast<float>(size_));
}

TEST_P(Split, CountsFromZeroAgain) {
  group_->barrier();
  const std::unique_ptr<Communicator> part = group_->split(0, 0);
  part->barrier();
  EXPECT_EQ(part->drain_ledger().at(0).sequence, 0);
  const std::vector<CollectiveRecord> records = group_->drain_ledger();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].operation, Operation::kSplit);
  EXPECT_EQ(records[1].sequence, 1);
}

}  // namespace
}  // namespace trainyard::comm
