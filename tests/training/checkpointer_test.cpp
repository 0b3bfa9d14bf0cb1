#include "training/checkpointer.h"

#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "comm/local_communicator.h"
#include "core/clock.h"
#include "support/temporary_folder.h"

namespace trainyard::training {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

class CheckpointerTest : public ::testing::Test {
 protected:
  CheckpointerTest() { world_.control = std::make_shared<comm::LocalCommunicator>(); }

  std::unique_ptr<Checkpointer> checkpointer(std::int64_t every) {
    config::RunConfig config;
    config.checkpoint_every = every;
    return std::make_unique<Checkpointer>(config, world_, folder_.path() / "checkpoints", 0,
                                          [this](const std::string& line) { said_.push_back(line); });
  }
  static void begin(Checkpointer& checkpointer, std::int64_t step) {
    CheckpointNote note;
    note.step = step;
    checkpointer.begin({{"parameters/w", {5}, false, 0, at::arange(5, at::TensorOptions(at::kFloat))}}, note, {});
  }

  testing::TemporaryFolder folder_;
  comm::World world_;
  std::vector<std::string> said_;
};

TEST_F(CheckpointerTest, ByDefaultSavesByTime) {
  const std::int64_t before = core::steady_ns();
  const auto saves = checkpointer(config::RunConfig().checkpoint_every);
  EXPECT_FALSE(saves->due_at(before + 59 * kSecond));
  EXPECT_TRUE(saves->due_at(core::steady_ns() + 61 * kSecond));
  EXPECT_FALSE(saves->due(1));
}

TEST_F(CheckpointerTest, CountsFromTheLastSaveAndNotWhileItIsWritten) {
  const auto saves = checkpointer(config::kCheckpointByTime);
  EXPECT_FALSE(saves->saves_the_end());  // so short a run needs none
  const std::int64_t before = core::steady_ns();
  begin(*saves, 7);
  EXPECT_FALSE(saves->due_at(core::steady_ns() + 3600 * kSecond));
  saves->settle();
  EXPECT_FALSE(saves->due_at(before + 59 * kSecond));
  EXPECT_TRUE(saves->due_at(core::steady_ns() + 3600 * kSecond));
  EXPECT_TRUE(saves->saves_the_end());
  EXPECT_EQ(saves->saved_step(), 7);
}

TEST_F(CheckpointerTest, ByStepsTimeDoesNotCount) {
  const auto by_steps = checkpointer(10);
  EXPECT_FALSE(by_steps->due_at(core::steady_ns() + 3600 * kSecond));
  EXPECT_FALSE(by_steps->due(9));
  EXPECT_TRUE(by_steps->due(20));
  EXPECT_TRUE(by_steps->saves_the_end());
  const auto when_asked = checkpointer(0);
  EXPECT_FALSE(when_asked->due_at(core::steady_ns() + 3600 * kSecond));
  EXPECT_FALSE(when_asked->due(20));
  EXPECT_FALSE(when_asked->saves_the_end());
}

}  // namespace
}  // namespace trainyard::training
