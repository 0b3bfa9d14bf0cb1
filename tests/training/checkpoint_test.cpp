#include "training/checkpoint.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "support/temporary_folder.h"

namespace trainyard::training {
namespace {

using ::testing::HasSubstr;

CheckpointNote note_of_step(std::int64_t step) {
  CheckpointNote note;
  note.step = step;
  note.epoch = 1;
  note.batch = 2;
  note.batches = 5;
  note.batch_samples = 16;
  note.step_samples = 32;
  note.data_samples = 80;
  note.model = "resnet18";
  note.data = "digits";
  note.seed = 3;
  note.bucket_mb = 0.1;
  note.strategy = "zero2";
  note.precision = "fp16";
  note.sums = {{0.1, 2.0, 3.0}, {1e-17, 5.0, 6.0}};
  return note;
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest() {
    whole_ = at::arange(24, at::TensorOptions(at::kFloat)).view({2, 3, 2, 2});
    const at::Tensor flat = whole_.flatten();
    const at::Tensor channels_last = whole_.permute({0, 2, 3, 1}).contiguous().flatten();
    shards_.push_back({{"parameters/w", {2, 3, 2, 2}, false, 0, flat.narrow(0, 0, 10)},
                       {"optimizer/momentum/w", {2, 3, 2, 2}, true, 0, channels_last.narrow(0, 0, 7)},
                       {"optimizer/steps", {}, false, 0, at::arange(5, 6, at::TensorOptions(at::kFloat))}});
    shards_.push_back({{"parameters/w", {2, 3, 2, 2}, false, 10, flat.narrow(0, 10, 14)},
                       {"optimizer/momentum/w", {2, 3, 2, 2}, true, 7, channels_last.narrow(0, 7, 17)}});
  }

  std::filesystem::path save(std::int64_t step) {
    const std::filesystem::path aside = folder_.path() / ".step-aside";
    std::filesystem::create_directory(aside);
    std::vector<std::string> lines;
    for (int rank = 0; rank < 2; ++rank)
      lines.push_back(write_shard(aside, rank, shards_[static_cast<std::size_t>(rank)]));
    const std::filesystem::path folder = folder_.path() / ("step-" + std::to_string(step));
    publish(aside, folder, note_of_step(step), lines);
    return folder;
  }

  static std::string refusal(const std::filesystem::path& folder) {
    try {
      const Checkpoint checkpoint(folder);
    } catch (const core::Error& error) {
      return error.what();
    }
    return {};
  }

  testing::TemporaryFolder folder_;
  at::Tensor whole_;
  std::vector<std::vector<parallel::StatePiece>> shards_;
};

TEST_F(CheckpointTest, GivesBackWholeTensorsHoweverTheyWereCutAndLaidOut) {
  const Checkpoint checkpoint(save(8));
  EXPECT_EQ(checkpoint.note(), note_of_step(8));
  EXPECT_TRUE(at::equal(checkpoint.read("parameters/w", {2, 3, 2, 2}), whole_));
  EXPECT_TRUE(at::equal(checkpoint.read("optimizer/momentum/w", {2, 3, 2, 2}), whole_));
  EXPECT_EQ(checkpoint.read("optimizer/steps", {}).item<float>(), 5.0F);
}

TEST_F(CheckpointTest, NamesTheTensorThatItLacksOrHasInAnotherShape) {
  const Checkpoint checkpoint(save(8));
  EXPECT_THROW(checkpoint.read("parameters/w", {2, 3, 4}), core::Error);
  try {
    checkpoint.read("scaler/scale", {});
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("scaler/scale"));
  }
}

TEST_F(CheckpointTest, TheNewestWholeOneComesFirst) {
  save(8);
  save(16);
  save(9);
  std::filesystem::create_directory(folder_.path() / "step-100");  // without its mark
  const std::vector<std::filesystem::path> found = find_checkpoints(folder_.path());
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].filename(), "step-16");
  EXPECT_EQ(found[2].filename(), "step-8");
  unmark(found[0]);
  EXPECT_EQ(find_checkpoints(folder_.path()).front().filename(), "step-9");
  EXPECT_TRUE(find_checkpoints(folder_.path() / "none").empty());
}

TEST_F(CheckpointTest, ReplacesOneOfTheSameStep) {
  save(8);
  shards_[0][0].values = shards_[0][0].values.add(1);
  EXPECT_FALSE(at::equal(Checkpoint(save(8)).read("parameters/w", {2, 3, 2, 2}), whole_));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / ".step-aside"));
}

TEST_F(CheckpointTest, EveryFlippedBitIsFound) {
  for (const char* name : {"shard-00000.safetensors", "shard-00001.safetensors", "manifest.json", "COMPLETE"}) {
    const std::filesystem::path file = save(8) / name;
    const std::string content = core::read_file(file);
    for (std::size_t at = 0; at < content.size() - 1; at += 1 + content.size() / 97) {
      std::string altered = content;
      altered[at] = static_cast<char>(altered[at] ^ 4);
      std::ofstream(file, std::ios::binary) << altered;
      // In a shard's header only what the format says can be altered without a word: spaces that pad it.
      if (!refusal(file.parent_path()).empty()) continue;
      EXPECT_EQ(content[at], ' ') << name << " " << at;
    }
  }
}

TEST_F(CheckpointTest, TruncatedFilesAreFound) {
  for (const char* name : {"shard-00000.safetensors", "shard-00001.safetensors", "manifest.json", "COMPLETE"}) {
    const std::filesystem::path file = save(8) / name;
    for (const std::uintmax_t keep : {std::uintmax_t{0}, std::filesystem::file_size(file) / 2}) {
      std::filesystem::resize_file(file, keep);
      EXPECT_THAT(refusal(file.parent_path()), HasSubstr("step-8")) << name;
    }
    std::filesystem::remove(file);
    EXPECT_THAT(refusal(file.parent_path()), HasSubstr(name));
  }
}

TEST_F(CheckpointTest, APieceThatNobodyWroteIsMissed) {
  shards_[1].pop_back();
  EXPECT_THAT(refusal(save(8)), HasSubstr("optimizer/momentum/w is not whole"));
}

}  // namespace
}  // namespace trainyard::training
