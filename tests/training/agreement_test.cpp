#include "training/agreement.h"

#include <gmock/gmock.h>

#include <string>

#include "core/error.h"
#include "support/mpi_main.h"

namespace trainyard::training {
namespace {

TEST(AgreementTest, IsWellWhereAllRanksAre) {
  const Outcome outcome = agree(test::world(), [] {});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.message.empty());
}

TEST(AgreementTest, SaysWhatAllRanksSayOnce) {
  const Outcome outcome = agree(test::world(), [] { throw core::UsageError("no such key"); });
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.message, "no such key");
}

TEST(AgreementTest, NamesTheRankAndNodeThatFailedAlone) {
  const int failing = test::world().size - 1;
  const Outcome outcome = agree(test::world(), [&] {
    if (test::world().rank == failing) throw core::Error("disk full");
  });
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.message, "[rank " + std::to_string(failing) + " " + test::world().node + "] disk full");
}

}  // namespace
}  // namespace trainyard::training
