#include "data/datasets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "core/error.h"
#include "data/loader.h"
#include "data/original_files.h"
#include "data/small_tokenizer.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using trainyard::testing::TemporaryFolder;
using trainyard::testing::write_text;

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// TRAINYARD_DATA as a test wants it, put back afterwards.
class DataVariable {
 public:
  explicit DataVariable(const std::string& value) {
    if (const char* before = std::getenv("TRAINYARD_DATA")) before_ = before;
    if (value.empty()) {
      ::unsetenv("TRAINYARD_DATA");
    } else {
      ::setenv("TRAINYARD_DATA", value.c_str(), 1);
    }
  }
  ~DataVariable() {
    if (before_) {
      ::setenv("TRAINYARD_DATA", before_->c_str(), 1);
    } else {
      ::unsetenv("TRAINYARD_DATA");
    }
  }

 private:
  std::optional<std::string> before_;
};

const ImageDataset& images(const std::shared_ptr<const Dataset>& data) {
  return dynamic_cast<const ImageDataset&>(*data);
}

void write_cifar10(const TemporaryFolder& folder, std::size_t train, std::size_t test) {
  folder.write("x_train.bin", std::vector<std::uint8_t>(train * 3073));
  folder.write("x_test.bin", std::vector<std::uint8_t>(test * 3073));
}

TEST(Open, OpensDigitsAtTheirOwnSizeAlone) {
  config::RunConfig config;
  config.data = config::Data::kDigits;
  EXPECT_EQ(open(config).train->size(), 1438);
  EXPECT_EQ(open(config).validation->size(), 359);
  config.image_size = 8;
  EXPECT_NO_THROW(open(config));
  config.image_size = 32;
  EXPECT_THAT([&] { open(config); },
              ThrowsMessage<core::UsageError>(HasSubstr("image-size = 32: the images of digits have 8 pixels a side")));
}

TEST(Open, MakesSyntheticDataOfAnySize) {
  config::RunConfig config;
  config.data = config::Data::kSynthetic;
  config.samples = 101;
  EXPECT_EQ(images(open(config).train).shape().width, 32);
  config.image_size = 64;
  const Datasets datasets = open(config);
  EXPECT_EQ(images(datasets.train).shape(), (ImageShape{.channels = 3, .height = 64, .width = 64}));
  EXPECT_EQ(datasets.train->size(), 101);
  EXPECT_EQ(datasets.validation->size(), 11);
  EXPECT_EQ(images(datasets.train).normalisation().mean, images(datasets.validation).normalisation().mean);
  std::vector<std::uint8_t> a(3 * 64 * 64), b(3 * 64 * 64);
  images(datasets.train).pixels(0, a);
  images(datasets.validation).pixels(0, b);
  EXPECT_NE(a, b);
}

TEST(Open, FindsCifar10ByKeyThenByVariable) {
  const TemporaryFolder by_key, by_variable;
  write_cifar10(by_key, 3, 1);
  write_cifar10(by_variable, 5, 1);
  const DataVariable variable(by_variable.path().string());
  config::RunConfig config;
  config.data = config::Data::kCifar10;
  EXPECT_EQ(open(config).train->size(), 5);
  config.data_dir = by_key.path().string();
  EXPECT_EQ(open(config).train->size(), 3);
}

TEST(Open, SaysWhereItLookedForCifar10) {
  config::RunConfig config;
  config.data = config::Data::kCifar10;
  {
    const DataVariable unset("");
    EXPECT_THAT([&] { open(config); },
                ThrowsMessage<core::UsageError>(AllOf(HasSubstr("neither data-dir nor TRAINYARD_DATA is set"))));
  }
  const TemporaryFolder empty;
  const DataVariable variable(empty.path().string());
  EXPECT_THAT([&] { open(config); },
              ThrowsMessage<core::UsageError>(
                  AllOf(HasSubstr("TRAINYARD_DATA: no CIFAR-10 files"), HasSubstr(empty.path().string()))));
  config.data_dir = (empty.path() / "missing").string();
  EXPECT_THAT([&] { open(config); }, ThrowsMessage<core::UsageError>(HasSubstr("data-dir: " + config.data_dir)));
}

config::RunConfig tiny_imagenet_in(const TemporaryFolder& folder, std::int64_t image_size) {
  config::RunConfig config;
  config.data = config::Data::kTinyImageNet;
  config.data_dir = folder.path().string();
  config.image_size = image_size;
  return config;
}

TEST(Open, ResizesTinyImageNetToTheImageSizeAskedFor) {
  const TemporaryFolder folder;
  trainyard::testing::write_tiny_imagenet(folder);
  const Datasets own = open(tiny_imagenet_in(folder, 0));
  EXPECT_EQ(images(own.train).shape(), (ImageShape{.channels = 3, .height = 64, .width = 64}));
  EXPECT_EQ(images(own.train).augmentation().crop_padding, 8);
  const Datasets larger = open(tiny_imagenet_in(folder, 224));
  EXPECT_EQ(images(larger.train).shape(), (ImageShape{.channels = 3, .height = 224, .width = 224}));
  EXPECT_EQ(images(larger.validation).shape(), images(larger.train).shape());
  EXPECT_EQ(images(larger.train).augmentation().crop_padding, 28);
  EXPECT_EQ(larger.train->size(), 20);
  EXPECT_EQ(larger.validation->label(0), 1);
}

/// Every batch of two epochs, as bytes.
std::vector<float> loaded(const std::shared_ptr<const Dataset>& data, int workers) {
  Loader loader(data, Sampler::training({.samples = data->size(), .batch_size = 3, .seed = 4}),
                {.workers = workers, .seed = 4, .augment = true});
  std::vector<float> all;
  for (const std::int64_t epoch : {0, 5}) {
    loader.start_epoch(epoch);
    while (const auto batch = loader.next()) {
      const auto* first = batch->inputs.const_data_ptr<float>();
      all.insert(all.end(), first, first + batch->inputs.numel());
    }
  }
  return all;
}

TEST(Open, DecodesResizesAndAugmentsTheSameWhateverTheWorkers) {
  const TemporaryFolder folder;
  trainyard::testing::write_tiny_imagenet(folder);
  const auto data = open(tiny_imagenet_in(folder, 40)).train;
  const std::vector<float> in_line = loaded(data, 0);
  EXPECT_EQ(in_line.size(), 2u * 20 * 3 * 40 * 40);
  for (const int workers : {1, 2, 3, 7})
    EXPECT_EQ(loaded(data, workers), in_line) << workers;
}

TEST(Open, SaysWhereItLookedForSvhnAndTinyImageNet) {
  const DataVariable unset("");
  config::RunConfig config;
  const TemporaryFolder empty;
  for (const auto& [data, name] :
       {std::pair{config::Data::kSvhn, "SVHN"}, std::pair{config::Data::kTinyImageNet, "Tiny ImageNet"}}) {
    config.data = data;
    config.data_dir = "";
    EXPECT_THAT([&] { open(config); }, ThrowsMessage<core::UsageError>(HasSubstr("neither data-dir nor")));
    config.data_dir = empty.path().string();
    EXPECT_THAT([&] { open(config); },
                ThrowsMessage<core::UsageError>(AllOf(HasSubstr(name), HasSubstr(empty.path().string()))));
  }
}

TEST(OpenText, FindsTheTokenizerBesideTheWeightsNamedAsFolderOrAsFile) {
  const TemporaryFolder texts, weights;
  write_text(texts, "train.tsv", "a fine film\t1\nbad\t0\n");
  write_text(texts, "dev.tsv", "good\t1\n");
  write_text(weights, "vocab.json", trainyard::test::vocabulary_json());
  write_text(weights, "merges.txt", "#version: 0.2\n");
  config::RunConfig config;
  config.model = config::Model::kRobertaTiny;
  config.data = config::Data::kSst2;
  config.data_dir = texts.path().string();
  EXPECT_THROW(open(config), core::UsageError);
  for (const std::filesystem::path& named : {weights.path(), weights / "model.safetensors"}) {
    config.weights = named.string();
    EXPECT_EQ(open(config).train->size(), 2) << named;
  }
}

}  // namespace
}  // namespace trainyard::data
