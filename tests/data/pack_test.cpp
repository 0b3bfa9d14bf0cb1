#include "data/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "config/enum_names.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "data/original_files.h"
#include "data/real_tiny_imagenet.h"
#include "data/small_tokenizer.h"
#include "data/text_datasets.h"
#include "support/fuzz.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using namespace trainyard::testing;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

config::RunConfig config_of(config::Data data, const fs::path& place, std::int64_t image_size = 0) {
  config::RunConfig config;
  config.data = data;
  config.data_dir = place.string();
  config.image_size = image_size;
  config.samples = 30;
  return config;
}

void expect_same(const ImageDataset& packed, const ImageDataset& original) {
  EXPECT_EQ(packed.name(), original.name());
  EXPECT_EQ(packed.classes(), original.classes());
  EXPECT_EQ(packed.class_names(), original.class_names());
  EXPECT_EQ(packed.shape(), original.shape());
  EXPECT_EQ(packed.normalisation().pixel_max, original.normalisation().pixel_max);
  EXPECT_EQ(packed.normalisation().mean, original.normalisation().mean);
  EXPECT_EQ(packed.normalisation().std, original.normalisation().std);
  EXPECT_EQ(packed.augmentation().crop_padding, original.augmentation().crop_padding);
  EXPECT_EQ(packed.augmentation().mirrors, original.augmentation().mirrors);
  ASSERT_EQ(packed.size(), original.size());
  std::vector<std::uint8_t> room(static_cast<std::size_t>(original.shape().pixels())), other = room;
  for (std::int64_t i = 0; i < original.size(); ++i) {
    ASSERT_EQ(packed.label(i), original.label(i)) << i;
    const auto a = packed.pixels(i, room);
    const auto b = original.pixels(i, other);
    ASSERT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << "image " << i;
  }
}

/// Packs what the config says and compares, also after the originals and the opened file are gone.
void expect_packs(const config::RunConfig& config, PackedForm form) {
  SCOPED_TRACE(config::name_of(config.data));
  const TemporaryFolder folder;
  const fs::path file = folder / "packed.h5";
  const ImageDatasets originals = open_images(config);
  const PackedSummary summary = pack(config, form, file);
  EXPECT_EQ(summary.train, originals.train->size());
  EXPECT_EQ(summary.validation, originals.validation->size());
  EXPECT_EQ(summary.bytes, fs::file_size(file));
  EXPECT_EQ(entries(folder.path()), 1u);
  config::RunConfig from_packed = config;
  from_packed.data_dir = file.string();
  const ImageDatasets packed = open_images(from_packed);
  fs::remove(file);
  expect_same(*packed.train, *originals.train);
  expect_same(*packed.validation, *originals.validation);
}

TEST(Pack, KeepsEverySampleOfEveryDataSetToTheBit) {
  const TemporaryFolder cifar10, svhn, tiny_imagenet;
  write_cifar10(cifar10);
  write_svhn(svhn);
  write_tiny_imagenet(tiny_imagenet);
  for (const PackedForm form : {PackedForm::kOriginal, PackedForm::kPixels}) {
    expect_packs(config_of(config::Data::kDigits, ""), form);
    expect_packs(config_of(config::Data::kSynthetic, "", 12), form);
    expect_packs(config_of(config::Data::kCifar10, cifar10.path()), form);
    expect_packs(config_of(config::Data::kSvhn, svhn.path()), form);
    expect_packs(config_of(config::Data::kTinyImageNet, tiny_imagenet.path()), form);
  }
  expect_packs(config_of(config::Data::kTinyImageNet, tiny_imagenet.path(), 96), PackedForm::kOriginal);
}

/// Makes the checksum right again, as whoever forges a file would.
void seal(const fs::path& file) {
  std::string bytes = core::read_file(file);
  const std::string before = bytes.substr(0, bytes.find("bytes "));
  std::string head = fmt::format("{}bytes {}\nxxh3 {}\n", before, bytes.size(),
                                 core::xxh3_64_hex(std::string_view(bytes).substr(512)));
  head.resize(512);
  core::write_file_atomically(file, head + bytes.substr(512));
}

/// SST-2 with a tokenizer of single bytes.
config::RunConfig write_sst2(const TemporaryFolder& folder) {
  write_text(folder, "train.tsv", "a fine film\t1\nbad\t0\nso so , but long enough to be cut off\t0\n");
  write_text(folder, "dev.tsv", "good\t1\nno\t0\n");
  write_text(folder, "vocab.json", trainyard::test::vocabulary_json());
  write_text(folder, "merges.txt", "#version: 0.2\n");
  config::RunConfig config = config_of(config::Data::kSst2, folder.path());
  config.max_length = 20;
  return config;
}

void expect_same_tokens(const Dataset& found, const Dataset& wanted) {
  const auto& a = dynamic_cast<const TokenDataset&>(found);
  const auto& b = dynamic_cast<const TokenDataset&>(wanted);
  EXPECT_EQ(a.name(), b.name());
  EXPECT_EQ(a.classes(), b.classes());
  EXPECT_EQ(a.info().vocabulary, b.info().vocabulary);
  EXPECT_EQ(a.info().padding, b.info().padding);
  EXPECT_EQ(a.info().max_length, b.info().max_length);
  ASSERT_EQ(a.size(), b.size());
  for (std::int64_t i = 0; i < b.size(); ++i) {
    EXPECT_EQ(a.label(i), b.label(i));
    ASSERT_EQ(a.length(i), b.length(i)) << i;
    std::vector<std::int64_t> ids(static_cast<std::size_t>(b.length(i))), others = ids;
    a.write_tokens(i, ids.data());
    b.write_tokens(i, others.data());
    EXPECT_EQ(ids, others) << i;
  }
}

TEST(Pack, KeepsTextsAsTokensOfThisOrASmallerLength) {
  const TemporaryFolder originals, folder;
  const config::RunConfig config = write_sst2(originals);
  const PackedSummary summary = pack(config, PackedForm::kOriginal, folder / "packed.h5");
  EXPECT_EQ(summary.train, 3);
  EXPECT_EQ(summary.validation, 2);
  for (const std::int64_t length : {20, 12, 4}) {
    config::RunConfig original = config, packed = config;
    original.max_length = packed.max_length = length;
    packed.data_dir = (folder / "packed.h5").string();
    const Datasets found = open_text(packed), wanted = open_text(original);
    expect_same_tokens(*found.train, *wanted.train);
    expect_same_tokens(*found.validation, *wanted.validation);
  }
  config::RunConfig longer = config;
  longer.max_length = 21;
  longer.data_dir = (folder / "packed.h5").string();
  EXPECT_THAT([&] { open_text(longer); },
              ThrowsMessage<core::UsageError>(HasSubstr("was packed with max-length = 20, less than 21")));
}

TEST(PackedFile, NamesTheFileWhereItsTokensMakeNoSense) {
  const TemporaryFolder originals, folder;
  config::RunConfig config = write_sst2(originals);
  const fs::path file = folder / "packed.h5";
  const auto refuses = [&](const std::string& why, const std::string& attribute, std::int64_t value) {
    pack(config, PackedForm::kOriginal, file);
    core::hdf5::File::open_for_writing(file).set_attribute(attribute, value);
    seal(file);
    config::RunConfig packed = config;
    packed.data_dir = file.string();
    packed.max_length = 4;
    EXPECT_THAT([&] { open_text(packed); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(file.string()), HasSubstr(why))));
  };
  refuses("the vocabulary has 100", "vocabulary", 100);
  refuses("has 13 tokens, max_length is 6", "max_length", 6);
  refuses("padding = 4000", "padding", 4000);
  refuses("classes = 0", "classes", 0);
  pack(config_of(config::Data::kDigits, ""), PackedForm::kOriginal, file);
  config.data = config::Data::kDigits;
  config.data_dir = file.string();
  EXPECT_THAT([&] { open_text(config); }, ThrowsMessage<core::Error>(HasSubstr("'max_length' is missing")));
}

TEST(Pack, StoresJpegFilesAsTheyAreUnlessAskedForPixels) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  const config::RunConfig config = config_of(config::Data::kTinyImageNet, originals.path());
  pack(config, PackedForm::kOriginal, folder / "jpeg.h5");
  pack(config, PackedForm::kPixels, folder / "pixels.h5");
  const std::string jpeg = core::read_file(folder / "jpeg.h5");
  EXPECT_NE(jpeg.find(core::read_file(originals / "train/n01/images/04.JPEG")), std::string::npos);
  EXPECT_GE(fs::file_size(folder / "pixels.h5"), 21u * 64 * 64 * 3);
}

TEST(Pack, ResizesPackedTinyImageNetLikeTheOriginal) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  const fs::path file = folder / "packed.h5";
  pack(config_of(config::Data::kTinyImageNet, originals.path()), PackedForm::kPixels, file);
  expect_same(*open_images(config_of(config::Data::kTinyImageNet, file, 80)).train,
              *open_images(config_of(config::Data::kTinyImageNet, originals.path(), 80)).train);
}

TEST(Pack, LeavesNothingBehindWhenAnImageIsDamagedAndKeepsTheOldFile) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  write_text(originals, "train/n02/images/07.JPEG", "no image");
  const config::RunConfig config = config_of(config::Data::kTinyImageNet, originals.path());
  const auto packs = [&] { pack(config, PackedForm::kOriginal, folder / "packed.h5"); };
  EXPECT_THAT(packs, ThrowsMessage<core::Error>(HasSubstr("07.JPEG: is no JPEG file")));
  EXPECT_EQ(entries(folder.path()), 0u);
  write_text(folder, "packed.h5", "old");
  EXPECT_THROW(packs(), core::Error);
  EXPECT_EQ(core::read_file(folder / "packed.h5"), "old");
  EXPECT_EQ(entries(folder.path()), 1u);
  EXPECT_THAT([&] { pack(config_of(config::Data::kDigits, ""), PackedForm::kOriginal, folder / "none" / "packed.h5"); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("none"), HasSubstr("No such file"))));
}

TEST(PackedFile, IsRefusedByNameForAnotherDataSetOrNoPackedFile) {
  const TemporaryFolder folder;
  const auto refuses = [&](const fs::path& file, const std::string& why) {
    EXPECT_THAT([&] { open(config_of(config::Data::kCifar10, file)); },
                ThrowsMessage<core::UsageError>(AllOf(HasSubstr(file.string()), HasSubstr(why))));
  };
  pack(config_of(config::Data::kDigits, ""), PackedForm::kOriginal, folder / "digits.h5");
  refuses(folder / "digits.h5", "holds digits, not cifar10: set data = digits");
  write_text(folder, "text.h5", "no HDF5 at all");
  refuses(folder / "text.h5", "is no packed data set");
  core::hdf5::File::create(folder / "log.h5").set_attribute("schema", kPackedSchema);
  refuses(folder / "log.h5", "is no packed data set of schema trainyard-packed/1");
  EXPECT_THAT([&] { open(config_of(config::Data::kDigits, folder / "digits.h5", 16)); },
              ThrowsMessage<core::UsageError>(HasSubstr("image-size = 16")));
}

TEST(PackedFile, NamesTheFileWhereItsContentMakesNoSense) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  const fs::path file = folder / "packed.h5";
  const auto refuses = [&](const std::string& why, const auto& spoil) {
    pack(config_of(config::Data::kTinyImageNet, originals.path()), PackedForm::kOriginal, file);
    spoil(core::hdf5::File::open_for_writing(file));
    seal(file);
    EXPECT_THAT([&] { open(config_of(config::Data::kTinyImageNet, file)); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(file.string()), HasSubstr(why))));
  };
  using core::hdf5::File;
  const std::vector<std::int64_t> one{0};
  refuses("2 names of 1 classes", [](File root) { root.set_attribute("classes", std::int64_t{1}); });
  refuses("height = 1099511627776", [](File root) { root.set_attribute("height", std::int64_t{1} << 40); });
  refuses("channels = 0", [](File root) { root.set_attribute("channels", std::int64_t{0}); });
  refuses("offsets do not cut", [&](File root) { root.open_group("train").open_own_column("labels").append(one); });
  refuses("offsets do not cut",
          [&](File root) { root.open_group("validation").open_own_column("offsets").append(one); });
  refuses("mean: 4 values instead of 3", [&](File root) { root.open_own_column("mean").append(std::vector{0.5}); });
}

TEST(PackedFile, ChecksLabelsAndOffsets) {
  using Numbers = std::vector<std::int64_t>;
  EXPECT_THAT(
      [] {
        check_labels(Numbers{0, 1, 2}, 2, "x");
      },
      ThrowsMessage<core::Error>(HasSubstr("x: sample 2 has label 2, there are 2 classes")));
  EXPECT_THROW(check_labels(Numbers{-1}, 2, "x"), core::Error);
  for (const Numbers& offsets :
       {Numbers{0, 5, 4, 9}, Numbers{0, 5, 9}, Numbers{0, 5, 6, 8}, Numbers{1, 5, 6, 9}, Numbers{}}) {
    EXPECT_THROW(check_offsets(offsets, 3, 9, "x"), core::Error);
  }
  EXPECT_NO_THROW(check_offsets(Numbers{0, 5, 5, 9}, 3, 9, "x"));
}

/// Cuts, or a changed byte, half of them where the file describes itself.
std::string damage(const std::string& whole, std::int64_t round, std::mt19937& random) {
  std::string damaged = whole;
  if (round % 4 == 0) {
    damaged.resize(1 + random() % (whole.size() - 1));
  } else {
    damaged[random() % (round % 2 == 0 ? damaged.size() : 6000)] ^= static_cast<char>(1 + random() % 255);
  }
  return damaged;
}

TEST(PackedFile, NamesTheFileWhateverIsDamaged) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  const fs::path file = folder / "packed.h5";
  pack(config_of(config::Data::kTinyImageNet, originals.path()), PackedForm::kOriginal, file);
  const std::string whole = core::read_file(file);
  std::mt19937 random(3);
  const std::int64_t runs = fuzz_runs(300);
  for (std::int64_t round = 0; round < runs; ++round) {
    write_text(folder, "packed.h5", damage(whole, round, random));
    EXPECT_THAT([&] { open(config_of(config::Data::kTinyImageNet, file)); },
                ThrowsMessage<core::Error>(HasSubstr("packed.h5: ")))
        << round;
  }
}

TEST(PackedFile, SurvivesAForgedOne) {
  const TemporaryFolder originals, folder;
  write_tiny_imagenet(originals);
  const fs::path file = folder / "packed.h5";
  pack(config_of(config::Data::kTinyImageNet, originals.path()), PackedForm::kOriginal, file);
  const std::string whole = core::read_file(file);
  std::mt19937 random(4);
  const std::int64_t runs = fuzz_runs(300);
  int refused = 0;
  for (std::int64_t round = 0; round < runs; ++round) {
    std::string damaged = damage(whole, round, random);
    damaged.replace(0, 512, whole, 0, 512);
    write_text(folder, "packed.h5", damaged);
    seal(file);
    std::vector<std::uint8_t> scratch(std::size_t{3} << 20);
    try {
      const ImageDatasets found = open_images(config_of(config::Data::kTinyImageNet, file));
      for (std::int64_t i = 0; i < found.train->size(); ++i)
        found.train->pixels(i, scratch);
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("packed.h5"));
      ++refused;
    }
  }
  EXPECT_GT(refused, runs / 4);
}

TEST(Pack, KeepsTheRealDataToTheBit) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA unset)";
  expect_packs(config_of(config::Data::kCifar10, data), PackedForm::kOriginal);
  expect_packs(config_of(config::Data::kSvhn, data), PackedForm::kOriginal);
  const TemporaryFolder folder;
  if (const auto unpacked = unpack_tiny_imagenet(folder)) {
    expect_packs(config_of(config::Data::kTinyImageNet, *unpacked), PackedForm::kOriginal);
  }
}

}  // namespace
}  // namespace trainyard::data
