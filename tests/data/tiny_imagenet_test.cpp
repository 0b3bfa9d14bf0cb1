#include "data/tiny_imagenet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "core/file.h"
#include "data/jpeg_bytes.h"
#include "data/real_tiny_imagenet.h"
#include "support/fuzz.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using namespace trainyard::testing;

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

fs::path write_text(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  return folder.write(name, Bytes(text.begin(), text.end()));
}

/// Two classes with three and two training images, two validation images.
void write_files(const TemporaryFolder& folder, const std::string& under = "") {
  const Bytes image = jpeg_file(smooth_image(3, 64, 64), 3, 64, 64);
  write_text(folder, under + "wnids.txt", "n02\nn01\r\n\n");
  for (const std::string name :
       {"n01/images/n01_1", "n02/images/n02_10", "n02/images/n02_2", "n01/images/n01_0", "n02/images/n02_0"}) {
    folder.write(under + "train/" + name + ".JPEG", image);
  }
  write_text(folder, under + "train/n01/n01_boxes.txt", "n01_0.JPEG\t0\t0\t63\t63\n");
  folder.write(under + "val/images/val_0.JPEG", image);
  folder.write(under + "val/images/val_1.JPEG", image);
  write_text(folder, under + "val/val_annotations.txt",
             "val_1.JPEG\tn01\t0\t0\t63\t63\nval_0.JPEG\tn02\t0\t0\t63\t63\n");
}

TEST(FindTinyImageNet, OrdersClassesByWnidsAndFilesByName) {
  for (const std::string under : {"", "tiny-imagenet-200/", "tiny-imagenet/"}) {
    const TemporaryFolder folder;
    write_files(folder, under);
    const TinyImageNetFiles files = find_tiny_imagenet(folder.path(), "data-dir");
    EXPECT_EQ(files.classes, (std::vector<std::string>{"n02", "n01"}));
    std::vector<std::string> train;
    for (const LabelledFile& file : files.train)
      train.push_back(fs::path(file.path).filename().string() + " " + std::to_string(file.label));
    EXPECT_EQ(train, (std::vector<std::string>{"n02_0.JPEG 0", "n02_10.JPEG 0", "n02_2.JPEG 0", "n01_0.JPEG 1",
                                               "n01_1.JPEG 1"}));
    ASSERT_EQ(files.validation.size(), 2u);
    EXPECT_EQ(files.validation[0].path, (folder.path() / (under + "val/images/val_1.JPEG")).string());
    EXPECT_EQ(files.validation[0].label, 1);
    EXPECT_EQ(files.validation[1].label, 0);
  }
}

TEST(FindTinyImageNet, NamesWhatLacks) {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& why) {
    EXPECT_THAT([&] { find_tiny_imagenet(folder.path(), "data-dir"); },
                ThrowsMessage<core::UsageError>(AllOf(HasSubstr("data-dir: "), HasSubstr(why))));
  };
  refuses("no Tiny ImageNet (wnids.txt, train, val) in " + folder.path().string());
  write_files(folder);
  fs::remove(folder / "val/val_annotations.txt");
  refuses("val_annotations.txt is missing beside wnids.txt");
  write_files(folder);
  fs::remove_all(folder / "train/n01");
  refuses("n01/images cannot be listed: No such file");
  fs::create_directories(folder / "train/n01/images");
  refuses("n01/images holds no .JPEG file");
  EXPECT_THAT([&] { find_tiny_imagenet(folder / "none", "TRAINYARD_DATA"); },
              ThrowsMessage<core::UsageError>(HasSubstr("none is no folder")));
}

TEST(FindTinyImageNet, NamesTheFileAndLineThatIsWrong) {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& name, const std::string& text, const std::string& why) {
    write_files(folder);
    write_text(folder, name, text);
    EXPECT_THAT([&] { find_tiny_imagenet(folder.path(), "data-dir"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(name), HasSubstr(why))));
  };
  refuses("wnids.txt", "n02\nn02\n", "line 2: 'n02' stands there twice");
  refuses("wnids.txt", "n02\n\n../n01\n", "line 3: '../n01' is no WordNet id");
  refuses("wnids.txt", "\n", "names no class");
  const std::string annotations = "val/val_annotations.txt";
  refuses(annotations, "val_0.JPEG\tn02\nval_1.JPEG\tn03\n", "line 2: 'val_1.JPEG n03' has a class that is not in");
  refuses(annotations, "val_2.JPEG\tn02\n", "line 1: 'val_2.JPEG n02' names an image that is missing");
  refuses(annotations, "../val_0.JPEG\tn02\n", "is no file name and WordNet id");
  refuses(annotations, "val_0.JPEG\n", "is no file name and WordNet id");
  refuses(annotations, "", "names no image");
}

TEST(FindTinyImageNet, SurvivesAnyDamageToItsLists) {
  const TemporaryFolder folder;
  write_files(folder);
  for (const std::string name : {"wnids.txt", "val/val_annotations.txt"}) {
    const std::string whole = core::read_file(folder.path() / name);
    fuzz(
        {whole},
        [&](const std::string& text) {
          write_text(folder, name, text);
          const TinyImageNetFiles files = find_tiny_imagenet(folder.path(), "data-dir");
          for (const LabelledFile& file : files.validation)
            ASSERT_LT(file.label, static_cast<std::int64_t>(files.classes.size()));
        },
        fuzz_runs(200));
    write_text(folder, name, whole);
  }
}

TEST(TinyImageNet, NamesTheFileOfADamagedImage) {
  const TemporaryFolder folder;
  const Bytes image = jpeg_file(smooth_image(3, 64, 64), 3, 64, 64);
  std::vector<LabelledFile> files;
  const auto add = [&](const std::string& name, std::span<const std::uint8_t> bytes) {
    files.push_back({.path = folder.write(name, bytes).string(), .label = 0});
  };
  add("whole.JPEG", image);
  add("cut.JPEG", std::span(image).first(image.size() / 2));
  add("empty.JPEG", {});
  add("small.JPEG", jpeg_file(smooth_image(3, 32, 32), 3, 32, 32));
  add("huge.JPEG", Bytes((1 << 20) + 1));
  files.push_back({.path = (folder / "missing.JPEG").string(), .label = 0});
  files.push_back({.path = folder.path().string(), .label = 0});
  const TinyImageNet data({"n01"}, files);
  Bytes scratch(3 * 64 * 64);
  EXPECT_NO_THROW(data.pixels(0, scratch));
  const std::vector<std::string> why{"is damaged: ",          "is no JPEG file", "is 32 x 32 pixels, not 64 x 64",
                                     "larger than the limit", "No such file",    "is not a regular file"};
  for (std::size_t i = 0; i < why.size(); ++i) {
    EXPECT_THAT([&] { data.pixels(static_cast<std::int64_t>(i) + 1, scratch); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(files[i + 1].path), HasSubstr(why[i]))));
  }
  EXPECT_NO_THROW(data.pixels(0, scratch));
}

TEST(TinyImageNet, ReadsTheRealFiles) {
  const TemporaryFolder folder;
  const auto data = unpack_tiny_imagenet(folder);
  if (!data) GTEST_SKIP() << "skipped: no Tiny ImageNet in TRAINYARD_DATA";
  const TinyImageNetFiles files = find_tiny_imagenet(*data, "TRAINYARD_DATA");
  EXPECT_EQ(files.classes.size(), 20u);
  const TinyImageNet train(files.classes, files.train);
  const TinyImageNet validation(files.classes, files.validation);
  EXPECT_EQ(train.size(), 10'000);
  EXPECT_EQ(validation.size(), 1'000);
  Bytes scratch(3 * 64 * 64);
  std::vector<double> sum(3), square_sum(3);
  int grey = 0;
  for (std::int64_t i = 0; i < train.size(); ++i) {
    const auto pixels = train.pixels(i, scratch);
    ASSERT_TRUE(fs::path(train.file_name(i))
                    .filename()
                    .string()
                    .starts_with(train.class_names()[static_cast<std::size_t>(train.label(i))] + "_"));
    grey += std::equal(pixels.begin(), pixels.begin() + 8192, pixels.begin() + 4096);
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      sum[p / 4096] += pixels[p];
      square_sum[p / 4096] += pixels[p] * pixels[p];
    }
  }
  for (std::int64_t i = 0; i < validation.size(); ++i)
    EXPECT_NO_THROW(validation.pixels(i, scratch)) << validation.file_name(i);
  EXPECT_GT(grey, 100);  // 2 % are greyscale files
  EXPECT_LT(grey, 600);
  // A tenth of the classes lies near the constants of all.
  for (std::size_t c = 0; c < 3; ++c) {
    const double count = static_cast<double>(train.size()) * 4096;
    const double mean = sum[c] / count;
    EXPECT_NEAR(mean / 255.0, train.normalisation().mean[c], 0.03);
    EXPECT_NEAR(std::sqrt(square_sum[c] / count - mean * mean) / 255.0, train.normalisation().std[c], 0.03);
  }
}

}  // namespace
}  // namespace trainyard::data
