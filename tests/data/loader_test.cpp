#include "data/loader.h"

#include <ATen/Context.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/error.h"
#include "data/augment.h"
#include "data/normaliser.h"
#include "data/synthetic.h"

namespace trainyard::data {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::uint64_t kSeed = 12;

/// Every pixel of sample i is i % 251, plus `step` for each one before it, and its label is i: the label says which
/// sample an image must show. A sample may be broken.
class Numbered final : public ImageDataset {
 public:
  explicit Numbered(std::int64_t samples, ImageShape shape = {.channels = 3, .height = 8, .width = 8})
      : ImageDataset({.name = "numbered",
                      .classes = samples,
                      .shape = shape,
                      .normalisation = {.pixel_max = 1.0,
                                        .mean = std::vector<double>(static_cast<std::size_t>(shape.channels), 0.0),
                                        .std = std::vector<double>(static_cast<std::size_t>(shape.channels), 1.0)}}),
        samples_(samples) {}

  std::int64_t size() const override { return samples_; }
  std::int64_t label(std::int64_t index) const override { return index; }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override {
    if (index == broken) throw std::runtime_error("sample " + std::to_string(index) + " is broken");
    ++images_made;
    for (std::size_t i = 0; i < scratch.size(); ++i)
      scratch[i] = static_cast<std::uint8_t>((index + step * static_cast<std::int64_t>(i)) % 251);
    return scratch;
  }

  std::int64_t step = 0;  ///< from one pixel to the next
  std::int64_t broken = -1;
  mutable std::atomic<int> images_made = 0;

 private:
  std::int64_t samples_;
};

Sampler training(const Dataset& data, std::int64_t batch_size, int rank = 0, int ranks = 1) {
  return Sampler::training(
      {.samples = data.size(), .batch_size = batch_size, .rank = rank, .ranks = ranks, .seed = kSeed});
}

std::vector<std::int64_t> labels_of(const Batch& batch) {
  const auto* first = batch.labels.const_data_ptr<std::int64_t>();
  return {first, first + batch.labels.numel()};
}

std::vector<Batch> epoch_of(Loader& loader, std::int64_t epoch, std::int64_t first_batch = 0) {
  std::vector<Batch> batches;
  loader.start_epoch(epoch, first_batch);
  while (auto batch = loader.next())
    batches.push_back(std::move(*batch));
  return batches;
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(at::equal(a[i].inputs, b[i].inputs)) << "batch " << i;
    EXPECT_TRUE(at::equal(a[i].labels, b[i].labels)) << "batch " << i;
    EXPECT_EQ(a[i].global_samples, b[i].global_samples);
  }
}

TEST(Loader, GivesEachSampleOnceWithItsOwnImage) {
  const auto data = std::make_shared<Numbered>(103);
  for (const int workers : {0, 1, 3}) {
    Loader loader(data, training(*data, 10), {.workers = workers});
    EXPECT_EQ(loader.batches(), 11);
    const auto batches = epoch_of(loader, 0);
    ASSERT_EQ(batches.size(), 11u);
    std::vector<std::int64_t> seen;
    for (const Batch& batch : batches) {
      const auto labels = labels_of(batch);
      EXPECT_EQ(batch.inputs.sizes(), (std::vector<std::int64_t>{static_cast<std::int64_t>(labels.size()), 3, 8, 8}));
      EXPECT_EQ(batch.inputs.scalar_type(), at::kFloat);
      EXPECT_EQ(batch.labels.scalar_type(), at::kLong);
      EXPECT_EQ(batch.global_samples, static_cast<std::int64_t>(labels.size()));
      const auto* pixel = batch.inputs.const_data_ptr<float>();
      for (const std::int64_t label : labels) {
        for (int i = 0; i < 3 * 8 * 8; ++i)
          ASSERT_EQ(*pixel++, static_cast<float>(label % 251));
        seen.push_back(label);
      }
    }
    EXPECT_EQ(seen, shuffled_order(103, kSeed, 0));
  }
}

TEST(Loader, GivesTheSameBatchesWhateverItsWorkers) {
  const auto data = std::make_shared<Synthetic>(SyntheticOptions{.image_size = 12, .samples = 200, .seed = 3});
  const auto batches = [&](int workers) {
    Loader loader(data, training(*data, 16), {.workers = workers, .seed = 5, .augment = true});
    epoch_of(loader, 0);
    return epoch_of(loader, 7);
  };
  const auto in_line = batches(0);
  for (const int workers : {1, 2, 4})
    expect_same(in_line, batches(workers));
}

// One rank's images of global batch g are those that a single rank with the whole global batch sees there.
TEST(Loader, GivesRanksTheSlicesOfOneGlobalBatch) {
  const auto data = std::make_shared<Synthetic>(SyntheticOptions{.image_size = 8, .samples = 103, .seed = 3});
  constexpr int kRanks = 3;
  Loader whole(data, training(*data, 12), {.workers = 1, .seed = 5, .augment = true});
  const auto expected = epoch_of(whole, 2);
  std::vector<std::vector<Batch>> parts;
  for (int rank = 0; rank < kRanks; ++rank) {
    Loader loader(data, training(*data, 4, rank, kRanks), {.workers = 2, .seed = 5, .augment = true});
    parts.push_back(epoch_of(loader, 2));
    ASSERT_EQ(parts.back().size(), expected.size());
  }
  for (std::size_t g = 0; g < expected.size(); ++g) {
    std::int64_t start = 0;
    for (int rank = 0; rank < kRanks; ++rank) {
      const Batch& part = parts[static_cast<std::size_t>(rank)][g];
      const std::int64_t count = part.labels.numel();
      EXPECT_TRUE(at::equal(part.inputs, expected[g].inputs.narrow(0, start, count)));
      EXPECT_TRUE(at::equal(part.labels, expected[g].labels.narrow(0, start, count)));
      EXPECT_EQ(part.global_samples, expected[g].global_samples);
      start += count;
    }
    EXPECT_EQ(start, expected[g].global_samples);
  }
}

TEST(Loader, ResumesInTheMiddleOfAnEpoch) {
  const auto data = std::make_shared<Numbered>(100);
  for (const int workers : {0, 2}) {
    Loader loader(data, training(*data, 8), {.workers = workers, .augment = true});
    auto whole = epoch_of(loader, 3);
    whole.erase(whole.begin(), whole.begin() + 5);
    expect_same(whole, epoch_of(loader, 3, 5));
    EXPECT_TRUE(epoch_of(loader, 3, loader.batches()).empty());
  }
}

TEST(Loader, AugmentsEachSampleByItsOwnKey) {
  const auto data = std::make_shared<Synthetic>(SyntheticOptions{.image_size = 9, .samples = 40, .seed = 1});
  const auto order = shuffled_order(40, kSeed, 4);
  Loader loader(data, training(*data, 40), {.workers = 1, .seed = 77, .augment = true});
  const auto batches = epoch_of(loader, 4);
  std::vector<std::uint8_t> scratch(243), augmented(243);
  std::vector<float> expected(243);
  const Normaliser normaliser(data->shape(), data->normalisation());
  for (std::size_t i = 0; i < 40; ++i) {
    const auto pixels = data->pixels(order[i], scratch);
    const Augmentation augmentation = draw_augmentation(data->augmentation(), 77, 4, order[i]);
    for (std::size_t c = 0; c < 3; ++c) {
      crop_and_flip(pixels.data() + 81 * c, 9, 9, augmentation, augmented.data() + 81 * c);
    }
    normaliser.to_planar(augmented.data(), expected.data());
    const auto* actual = batches[0].inputs.const_data_ptr<float>() + 243 * i;
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), actual)) << "sample " << i;
  }
}

TEST(Loader, GivesChannelsLastTensorsOfTheSameImages) {
  const auto data = std::make_shared<Numbered>(50, ImageShape{.channels = 3, .height = 6, .width = 10});
  data->step = 1;
  Loader contiguous(data, training(*data, 16), {.workers = 1, .augment = true});
  Loader channels_last(data, training(*data, 16), {.workers = 1, .augment = true, .channels_last = true});
  const auto batches = epoch_of(channels_last, 1);
  for (const Batch& batch : batches)
    EXPECT_TRUE(batch.inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
  expect_same(epoch_of(contiguous, 1), batches);
}

TEST(Loader, GivesEmptyValidationBatchesToRanksThatAreDone) {
  const auto data = std::make_shared<Numbered>(9);
  Loader loader(data, Sampler::validation({.samples = 9, .batch_size = 2, .rank = 3, .ranks = 4}), {.workers = 2});
  const auto batches = epoch_of(loader, 0);
  ASSERT_EQ(batches.size(), 2u);
  EXPECT_EQ(labels_of(batches[0]), (std::vector<std::int64_t>{7, 8}));
  EXPECT_EQ(batches[0].global_samples, 8);
  EXPECT_EQ(batches[1].inputs.sizes(), (std::vector<std::int64_t>{0, 3, 8, 8}));
  EXPECT_EQ(batches[1].labels.numel(), 0);
  EXPECT_EQ(batches[1].global_samples, 1);
}

TEST(Loader, LeavesBatchesAloneThatAreStillHeld) {
  const auto data = std::make_shared<Numbered>(400);
  std::vector<Batch> held;
  {
    Loader loader(data, training(*data, 4), {.workers = 3});
    held = epoch_of(loader, 0);  // more than the ring holds: it must not wait for them
    epoch_of(loader, 1);
  }
  const auto order = shuffled_order(400, kSeed, 0);
  ASSERT_EQ(held.size(), 100u);
  for (std::size_t b = 0; b < held.size(); ++b) {
    const auto* pixel = held[b].inputs.const_data_ptr<float>();
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(labels_of(held[b])[i], order[4 * b + i]);
      EXPECT_EQ(pixel[192 * i + 100], static_cast<float>(order[4 * b + i] % 251));
    }
  }
}

TEST(Loader, UsesMemoryAgain) {
  const auto data = std::make_shared<Numbered>(400);
  for (const int workers : {0, 2}) {
    Loader loader(data, training(*data, 4), {.workers = workers});
    std::vector<const void*> places;
    loader.start_epoch(0);
    while (const auto batch = loader.next())
      places.push_back(batch->inputs.const_data_ptr());
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    EXPECT_LE(places.size(), 1u + 2u * static_cast<std::size_t>(workers) + 1u);
  }
}

TEST(Loader, StopsInTheMiddleOfAnEpochAtOnce) {
  const auto data = std::make_shared<Numbered>(100000);
  const auto before = std::chrono::steady_clock::now();
  for (int round = 0; round < 100; ++round) {
    Loader loader(data, training(*data, 16), {.workers = round % 4 + 1, .augment = true});
    if (round % 3 == 0) continue;
    loader.start_epoch(round);
    for (int i = 0; i < round % 5; ++i)
      ASSERT_TRUE(loader.next());
    if (round % 3 == 1) loader.start_epoch(round + 1);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 30s);
}

TEST(Loader, HandsOverWhatAWorkerThrows) {
  for (const int workers : {0, 1, 3}) {
    const auto data = std::make_shared<Numbered>(100);
    data->broken = shuffled_order(100, kSeed, 0)[55];
    Loader loader(data, training(*data, 10), {.workers = workers});
    loader.start_epoch(0);
    for (int i = 0; i < 5; ++i)
      ASSERT_TRUE(loader.next());
    EXPECT_THAT([&] { loader.next(); },
                ThrowsMessage<std::runtime_error>(HasSubstr("sample " + std::to_string(data->broken) + " is broken")));
    EXPECT_THROW(loader.next(), std::runtime_error);
    loader.start_epoch(0, 6);  // past the broken one
    EXPECT_TRUE(loader.next());
  }
}

TEST(Loader, PreparesBatchesAheadOfTheCaller) {
  const auto data = std::make_shared<Numbered>(800);
  Loader loader(data, training(*data, 10), {.workers = 2});
  loader.start_epoch(0);
  // Two batches a worker, and not one more before next() is called.
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (data->images_made < 40 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(data->images_made, 40);
}

TEST(Loader, NamesItsThreads) {
  const auto data = std::make_shared<Numbered>(100);
  Loader loader(data, training(*data, 10), {.workers = 2});
  epoch_of(loader, 0);  // the workers run by now
  std::vector<std::string> names;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm") >> std::ws, name);
    if (name.starts_with("loader-")) names.push_back(name);
  }
  EXPECT_THAT(names, ::testing::IsSubsetOf({"loader-0", "loader-1"}));
  EXPECT_FALSE(names.empty());
}

TEST(Loader, GivesNothingBeforeAnEpochBegins) {
  const auto data = std::make_shared<Numbered>(10);
  for (const int workers : {0, 1})
    EXPECT_FALSE(Loader(data, training(*data, 5), {.workers = workers}).next());
}

TEST(Loader, RefusesASamplerOfAnotherDataSet) {
  const auto data = std::make_shared<Numbered>(10);
  const Numbered larger(11);
  EXPECT_THAT([&] { Loader(data, training(larger, 5), {}); },
              ThrowsMessage<core::Error>(HasSubstr("the sampler is for 11 samples, the data set has 10")));
}

TEST(Loader, RefusesPageLockedMemoryWithoutCuda) {
  if (at::hasCUDA()) GTEST_SKIP() << "skipped: there is a CUDA device";
  const auto data = std::make_shared<Numbered>(10);
  EXPECT_THROW(Loader(data, training(*data, 5), {.pin_memory = true}), core::UsageError);
}

TEST(Loader, GivesPageLockedBatches) {
  if (!at::hasCUDA()) GTEST_SKIP() << "skipped: no CUDA device";
  const auto data = std::make_shared<Numbered>(4000);
  Loader loader(data, training(*data, 100), {.workers = 2, .pin_memory = true});
  std::vector<Batch> on_device;
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    EXPECT_TRUE(batch->inputs.is_pinned());
    // Asynchronous: the batch dies before its copy is done, and must not be written again until then.
    on_device.push_back({.inputs = batch->inputs.to(at::kCUDA, at::kFloat, /*non_blocking=*/true),
                         .labels = batch->labels.to(at::kCUDA, at::kLong, /*non_blocking=*/true)});
  }
  for (const Batch& batch : on_device) {
    const at::Tensor shown = batch.inputs.cpu();
    const at::Tensor labels = batch.labels.cpu();
    for (std::int64_t i = 0; i < labels.numel(); ++i) {
      ASSERT_EQ(shown.const_data_ptr<float>()[192 * i + 191],
                static_cast<float>(labels.const_data_ptr<std::int64_t>()[i] % 251));
    }
  }
}

}  // namespace
}  // namespace trainyard::data
