#include "data/cifar10.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cmath>
#include <cstdlib>
#include <set>

#include "core/error.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using trainyard::testing::TemporaryFolder;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::size_t kRecordBytes = 3073;

/// `count` records; record i has label (first + i) % 10 and pixels that begin with i.
std::vector<std::uint8_t> records(std::size_t count, std::size_t first = 0) {
  std::vector<std::uint8_t> bytes(count * kRecordBytes);
  for (std::size_t i = 0; i < count; ++i) {
    std::uint8_t* record = bytes.data() + i * kRecordBytes;
    record[0] = static_cast<std::uint8_t>((first + i) % 10);
    for (std::size_t p = 0; p < kRecordBytes - 1; ++p)
      record[1 + p] = static_cast<std::uint8_t>(first + i + p);
  }
  return bytes;
}

void write_standard_files(const TemporaryFolder& folder, const std::string& under) {
  for (std::size_t batch = 1; batch <= 5; ++batch) {
    folder.write(under + "data_batch_" + std::to_string(batch) + ".bin", records(2, 10 * batch));
  }
  folder.write(under + "test_batch.bin", records(3, 7));
}

TEST(Cifar10, ReadsItsFilesOneAfterTheOther) {
  const TemporaryFolder folder;
  const Cifar10 data({folder.write("a.bin", records(3)), folder.write("b.bin", records(2, 8))});
  EXPECT_EQ(data.name(), "cifar10");
  EXPECT_EQ(data.classes(), 10);
  EXPECT_EQ(data.shape(), (ImageShape{.channels = 3, .height = 32, .width = 32}));
  ASSERT_EQ(data.size(), 5);
  const std::vector<int> labels{0, 1, 2, 8, 9};
  for (std::int64_t i = 0; i < 5; ++i) {
    const int number = labels[static_cast<std::size_t>(i)];
    EXPECT_EQ(data.label(i), number);
    const auto pixels = data.pixels(i, {});
    ASSERT_EQ(pixels.size(), 3072u);
    EXPECT_EQ(pixels[0], number);
    EXPECT_EQ(pixels[3071], static_cast<std::uint8_t>(number + 3071));
  }
}

TEST(Cifar10, NamesATruncatedFileAndItsRecord) {
  const TemporaryFolder folder;
  auto bytes = records(2);
  bytes.pop_back();
  const fs::path file = folder.write("cut.bin", bytes);
  EXPECT_THAT([&] { Cifar10({file}); },
              ThrowsMessage<core::Error>(
                  AllOf(HasSubstr(file.string()), HasSubstr("inside record 1"), HasSubstr("truncated"))));
}

TEST(Cifar10, NamesTheRecordOfABadLabel) {
  const TemporaryFolder folder;
  auto bytes = records(5);
  bytes[3 * kRecordBytes] = 10;
  const fs::path file = folder.write("bad.bin", bytes);
  EXPECT_THAT([&] { Cifar10({file}); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(file.string()), HasSubstr("record 3 has label 10"))));
}

TEST(Cifar10, RefusesWhatIsNoFileOfRecords) {
  const TemporaryFolder folder;
  const fs::path empty = folder.write("empty.bin", {});
  EXPECT_THAT([&] { Cifar10({empty}); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(empty.string()), HasSubstr("is empty"))));
  EXPECT_THAT([&] { Cifar10({folder.path()}); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(folder.path().string()), HasSubstr("not a regular file"))));
  EXPECT_THAT([&] { Cifar10({folder.path() / "none.bin"}); }, ThrowsMessage<core::Error>(HasSubstr("none.bin")));
  const fs::path pipe = folder.path() / "pipe.bin";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT([&] { Cifar10({pipe}); }, ThrowsMessage<core::Error>(HasSubstr("not a regular file")));
}

TEST(FindCifar10, FindsTheStandardFilesInTheFolderOrBelowIt) {
  for (const std::string under : {"", "cifar10/", "cifar-10-batches-bin/"}) {
    const TemporaryFolder folder;
    write_standard_files(folder, under);
    const Cifar10Files files = find_cifar10(folder.path(), "data-dir");
    ASSERT_EQ(files.train.size(), 5u) << under;
    EXPECT_EQ(files.train[4], folder.path() / (under + "data_batch_5.bin"));
    EXPECT_THAT(files.validation, ::testing::ElementsAre(folder.path() / (under + "test_batch.bin")));
  }
}

TEST(FindCifar10, FindsOtherFilesInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  std::vector<fs::path> train;
  // Enough, and late enough, that no file system happens to list them in this order.
  for (char letter = 'z'; letter >= 'a'; --letter) {
    train.insert(train.begin(), folder.write(std::string("small_train_") + letter + ".bin", records(1)));
  }
  const fs::path test = folder.write("small_test.bin", records(1));
  folder.write("notes_train.txt", records(1));
  const Cifar10Files files = find_cifar10(folder.path(), "data-dir");
  EXPECT_EQ(files.train, train);
  EXPECT_THAT(files.validation, ::testing::ElementsAre(test));
}

TEST(FindCifar10, NamesTheFolderAndWhatItLacks) {
  const TemporaryFolder folder;
  const std::string path = folder.path().string();
  EXPECT_THAT([&] { find_cifar10(folder.path(), "data-dir"); },
              ThrowsMessage<core::UsageError>(AllOf(HasSubstr("data-dir: no CIFAR-10 files"), HasSubstr(path))));
  EXPECT_THAT([&] { find_cifar10(folder.path() / "nowhere", "TRAINYARD_DATA"); },
              ThrowsMessage<core::UsageError>(
                  AllOf(HasSubstr("TRAINYARD_DATA: " + path + "/nowhere"), HasSubstr("set data-dir"))));
  folder.write("x_train.bin", records(1));
  EXPECT_THAT([&] { find_cifar10(folder.path(), "data-dir"); },
              ThrowsMessage<core::UsageError>(HasSubstr("no *test*.bin beside its *train*.bin")));
}

TEST(FindCifar10, DoesNotTrainOnPartOfTheStandardFiles) {
  const TemporaryFolder folder;
  write_standard_files(folder, "");
  fs::remove(folder.path() / "data_batch_3.bin");
  EXPECT_THAT([&] { find_cifar10(folder.path(), "data-dir"); },
              ThrowsMessage<core::UsageError>(HasSubstr("data_batch_3.bin is missing")));
}

TEST(Cifar10, ReadsTheRealFiles) {
  const char* folder = std::getenv("TRAINYARD_DATA");
  if (folder == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA unset)";
  const Cifar10Files files = find_cifar10(folder, "TRAINYARD_DATA");
  const Cifar10 train(files.train);
  const Cifar10 validation(files.validation);
  EXPECT_GT(train.size(), validation.size());
  std::set<std::int64_t> labels;
  std::vector<double> sum(3), square_sum(3);
  for (std::int64_t i = 0; i < train.size(); ++i) {
    labels.insert(train.label(i));
    const auto pixels = train.pixels(i, {});
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      const double unit = pixels[p] / 255.0;
      sum[p / 1024] += unit;
      square_sum[p / 1024] += unit * unit;
    }
  }
  EXPECT_EQ(labels.size(), 10u);
  // Any fair sample of CIFAR-10 lies near the constants, and planes that were mixed up do not.
  for (std::size_t c = 0; c < 3; ++c) {
    const double count = static_cast<double>(train.size()) * 1024;
    const double mean = sum[c] / count;
    EXPECT_NEAR(mean, train.normalisation().mean[c], 0.02);
    EXPECT_NEAR(std::sqrt(square_sum[c] / count - mean * mean), train.normalisation().std[c], 0.02);
  }
}

}  // namespace
}  // namespace trainyard::data
