#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "data/datasets.h"
#include "data/loader.h"
#include "data/synthetic_text.h"
#include "data/text_dataset.h"
#include "small_tokenizer.h"

namespace trainyard::data {
namespace {

using Ids = std::vector<std::int64_t>;

/// Text i is i % 13 letters, so i % 13 + 2 tokens, cut off at 12.
std::shared_ptr<const TextDataset> texts(std::int64_t count) {
  const Vocabulary vocabulary = parse_vocabulary(test::vocabulary_json(), "vocab.json");
  Tokenizer tokenizer(vocabulary, {});
  std::vector<LabelledText> all;
  for (std::int64_t i = 0; i < count; ++i)
    all.push_back({std::string(static_cast<std::size_t>(i % 13), static_cast<char>('a' + i % 26)), i});
  return std::make_shared<TextDataset>("numbered", count, all, tokenizer, 12);
}

std::vector<Batch> epoch_of(Loader& loader, std::int64_t epoch) {
  std::vector<Batch> batches;
  loader.start_epoch(epoch);
  while (auto batch = loader.next())
    batches.push_back(std::move(*batch));
  return batches;
}

Ids row(const at::Tensor& tokens, std::int64_t index) {
  const auto* first = tokens.const_data_ptr<std::int64_t>() + index * tokens.size(1);
  return {first, first + tokens.size(1)};
}

TEST(TokenLoader, FillsSequencesUpToAMultipleOfEight) {
  const auto data = texts(200);
  for (const int workers : {0, 2}) {
    Loader loader(data, Sampler::training({.samples = 200, .batch_size = 8, .seed = 3}), {.workers = workers});
    std::set<std::int64_t> lengths;
    for (const Batch& batch : epoch_of(loader, 1)) {
      ASSERT_EQ(batch.inputs.scalar_type(), at::kLong);
      lengths.insert(batch.inputs.size(1));
      std::int64_t longest = 0;
      for (std::int64_t i = 0; i < batch.labels.size(0); ++i) {
        const std::int64_t sample = batch.labels[i].item<std::int64_t>();
        Ids expected(static_cast<std::size_t>(data->length(sample)));
        data->write_tokens(sample, expected.data());
        longest = std::max(longest, data->length(sample));
        expected.resize(static_cast<std::size_t>(batch.inputs.size(1)), 1);
        EXPECT_EQ(row(batch.inputs, i), expected);
      }
      EXPECT_EQ(batch.inputs.size(1), std::min<std::int64_t>((longest + 7) / 8 * 8, 12));
    }
    EXPECT_THAT(lengths, ::testing::ElementsAre(12));  // in any order, most batches have a long text
  }
}

TEST(TokenLoader, MakesShortBatchesOfShortTexts) {
  const auto data = texts(200);
  Loader loader(data, Sampler::training({.samples = 200, .batch_size = 8, .seed = 3, .lengths = lengths_of(*data)}),
                {});
  std::set<std::int64_t> lengths;
  std::set<std::int64_t> seen;
  for (const Batch& batch : epoch_of(loader, 1)) {
    lengths.insert(batch.inputs.size(1));
    for (std::int64_t i = 0; i < batch.labels.size(0); ++i)
      seen.insert(batch.labels[i].item<std::int64_t>());
  }
  EXPECT_THAT(lengths, ::testing::ElementsAre(8, 12));
  EXPECT_EQ(seen.size(), 200u);
}

TEST(TokenLoader, CutsTextsOffAtMaxLength) {
  const auto data = texts(13);
  EXPECT_EQ(data->length(0), 2);
  EXPECT_EQ(data->length(9), 11);
  EXPECT_EQ(data->length(12), 12);
  Ids ids(12);
  data->write_tokens(12, ids.data());
  EXPECT_EQ(ids.front(), 0);
  EXPECT_EQ(ids.back(), 2);
}

TEST(TokenLoader, GivesEachBatchARandomKeyOfItsOwn) {
  const auto data = texts(64);
  const auto keys = [&](int rank, std::int64_t epoch, std::uint64_t seed) {
    Loader loader(data, Sampler::training({.samples = 64, .batch_size = 8, .rank = rank, .ranks = 2, .seed = 3}),
                  {.workers = rank, .seed = seed});
    std::vector<std::uint64_t> all;
    for (const Batch& batch : epoch_of(loader, epoch))
      all.push_back(batch.random_key);
    return all;
  };
  std::set<std::uint64_t> different;
  for (const auto& all : {keys(0, 0, 5), keys(1, 0, 5), keys(0, 1, 5), keys(0, 0, 6)})
    different.insert(all.begin(), all.end());
  EXPECT_EQ(different.size(), 16u);
  EXPECT_EQ(keys(1, 0, 5), keys(1, 0, 5));
  const Batch batch{at::Tensor(), at::Tensor(), 8, 7};
  EXPECT_EQ(different.count(batch.random_key), 0u);
}

TEST(Batch, GivesPartsKeysOfTheirOwn) {
  const auto data = texts(16);
  Loader loader(data, Sampler::training({.samples = 16, .batch_size = 16, .seed = 3}), {});
  const Batch batch = epoch_of(loader, 0).front();
  const Batch part = batch.part(4, 8);
  EXPECT_TRUE(at::equal(part.inputs, batch.inputs.narrow(0, 4, 8)));
  EXPECT_TRUE(at::equal(part.labels, batch.labels.narrow(0, 4, 8)));
  EXPECT_EQ(part.global_samples, 16);
  EXPECT_EQ(part.random_key, batch.part(4, 4).random_key);
  EXPECT_NE(part.random_key, batch.part(0, 4).random_key);
}

TEST(SyntheticText, IsAFunctionOfSeedAndIndex) {
  const SyntheticText data({.max_length = 40, .samples = 200, .seed = 3});
  const SyntheticText later({.max_length = 40, .first = 100, .samples = 100, .seed = 3});
  const SyntheticText other({.max_length = 40, .samples = 200, .seed = 4});
  std::int64_t of_first_class = 0;
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < 100; ++i) {
    const auto ids = [](const SyntheticText& from, std::int64_t index) {
      Ids all(static_cast<std::size_t>(from.length(index)));
      from.write_tokens(index, all.data());
      return all;
    };
    const Ids own = ids(data, 100 + i);
    EXPECT_EQ(own, ids(later, i));
    EXPECT_EQ(data.label(100 + i), later.label(i));
    EXPECT_GE(own.size(), 10u);
    EXPECT_LE(own.size(), 40u);
    EXPECT_EQ(own.front(), 0);
    EXPECT_EQ(own.back(), 2);
    for (std::size_t token = 1; token + 1 < own.size(); ++token) {
      ASSERT_GE(own[token], 5);
      ASSERT_LT(own[token], 1000);
    }
    different += own != ids(other, 100 + i);
    of_first_class += data.label(100 + i) == 0;
  }
  EXPECT_EQ(different, 100);
  EXPECT_GT(of_first_class, 30);
  EXPECT_LT(of_first_class, 70);
}

}  // namespace
}  // namespace trainyard::data
