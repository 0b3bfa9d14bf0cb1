#include "training/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace trainyard::training {
namespace {

using testing::HasSubstr;

/// A run of four replicas with batches of 8: 10 batches of 32 samples, and one of 10, an epoch.
struct SavedRun {
  config::RunConfig config;
  TrainingShape shape{.data_samples = 330, .batches = 11, .batch_samples = 32, .step_samples = 32};
  CheckpointNote note;

  SavedRun() {
    config.seed = 3;
    note.step = 26;
    note.epoch = 2;
    note.batch = 4;
    note.batches = 11;
    note.batch_samples = note.step_samples = 32;
    note.data_samples = 330;
    note.model = "resnet18";
    note.data = "digits";
    note.seed = 3;
    note.sums = {{1, 2, 3}, {10, 20, 30}, {100, 200, 300}, {1000, 2000, 3000}};
  }

  Cursor cursor(int rank = 0, int ranks = 4) const { return cursor_in(config, shape, note, rank, ranks); }
  std::string refused() const {
    try {
      cursor();
    } catch (const core::UsageError& error) {
      return error.what();
    }
    return {};
  }
};

TEST(Cursor, IsThatOfTheCheckpointOnTheSameRanks) {
  const Cursor cursor = SavedRun().cursor(2);
  EXPECT_EQ(cursor.step, 26);
  EXPECT_EQ(cursor.epoch, 2);
  EXPECT_EQ(cursor.batch, 4);
  EXPECT_EQ(cursor.sums, (EpochSums{100, 200, 300}));
}

TEST(Cursor, OnOtherRanksTheEpochsSumsAreTheFirstOnes) {
  const SavedRun saved;
  EXPECT_EQ(saved.cursor(0, 2).sums, (EpochSums{1111, 2222, 3333}));
  EXPECT_EQ(saved.cursor(1, 2).sums, EpochSums());
}

TEST(Cursor, CountsBatchesOfAnotherSize) {
  SavedRun saved;
  saved.shape.batch_samples = 16;  // two batches a step
  saved.shape.batches = 21;
  EXPECT_EQ(saved.cursor().batch, 8);
  EXPECT_EQ(saved.cursor().step, 26);
  saved.note.batch = saved.note.batches;
  EXPECT_EQ(saved.cursor().batch, 21) << "only validation is left";
}

TEST(Cursor, AnotherGlobalBatchIsRefusedUnlessAskedForAndOnlyWhereItDividesWhatIsDone) {
  SavedRun saved;
  saved.shape = {.data_samples = 330, .batches = 6, .batch_samples = 64, .step_samples = 64};
  EXPECT_THAT(saved.refused(), HasSubstr("64 samples a step"));
  saved.config.rebatch = true;
  EXPECT_EQ(saved.cursor().batch, 2);
  EXPECT_EQ(saved.cursor().step, 2 * 6 + 2);
  saved.note.batch = 3;
  EXPECT_THAT(saved.refused(), HasSubstr("no multiple of 64"));
}

TEST(Cursor, WhatWouldRepeatOrLoseSamplesIsRefusedByName) {
  SavedRun saved;
  saved.config.seed = 4;
  EXPECT_THAT(saved.refused(), HasSubstr("seed = 4"));
  saved = SavedRun();
  saved.shape.data_samples = 331;
  EXPECT_THAT(saved.refused(), HasSubstr("training samples = 331"));
  saved = SavedRun();
  saved.config.model = config::Model::kResnet34;
  EXPECT_THAT(saved.refused(), HasSubstr("model = resnet34"));
  saved = SavedRun();
  saved.config.data = config::Data::kCifar10;
  EXPECT_THAT(saved.refused(), HasSubstr("data = cifar10"));
}

}  // namespace
}  // namespace trainyard::training
