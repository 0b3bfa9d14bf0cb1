#include "data/svhn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>

#include "core/error.h"
#include "data/mat_bytes.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using namespace trainyard::testing;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

constexpr std::size_t kPixels = 3 * 32 * 32;

/// The pixel that the tests' image `image` shows at [channel][y][x].
std::uint8_t pixel(std::size_t image, std::size_t channel, std::size_t y, std::size_t x) {
  return static_cast<std::uint8_t>(100 * image + 50 * channel + 3 * y + x);
}

/// X of the format: [32 rows][32 columns][3][images], the first index the fastest.
Bytes columns(std::size_t images) {
  Bytes values;
  for (std::size_t i = 0; i < images; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t x = 0; x < 32; ++x) {
        for (std::size_t y = 0; y < 32; ++y)
          values.push_back(pixel(i, c, y, x));
      }
    }
  }
  return values;
}

Bytes svhn_file(const Bytes& labels, std::vector<std::uint32_t> extents = {}) {
  const auto images = static_cast<std::uint32_t>(labels.size());
  if (extents.empty()) extents = {32, 32, 3, images};
  return mat_file({compressed(mat_variable("X", MatClass::kUint8, extents, columns(images))),
                   compressed(mat_variable("y", MatClass::kDouble, {images, 1}, labels))});
}

TEST(Svhn, TurnsColumnsIntoRowsAndLabelTenIntoZero) {
  const TemporaryFolder folder;
  const Svhn data(folder.write("a.mat", svhn_file({10, 1, 9})));
  EXPECT_EQ(data.name(), "svhn");
  EXPECT_EQ(data.classes(), 10);
  EXPECT_EQ(data.shape(), (ImageShape{.channels = 3, .height = 32, .width = 32}));
  ASSERT_EQ(data.size(), 3);
  EXPECT_THAT((std::vector{data.label(0), data.label(1), data.label(2)}), ElementsAre(0, 1, 9));
  for (std::size_t i = 0; i < 3; ++i) {
    const auto pixels = data.pixels(static_cast<std::int64_t>(i), {});
    ASSERT_EQ(pixels.size(), kPixels);
    std::size_t at = 0;
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t y = 0; y < 32; ++y) {
        for (std::size_t x = 0; x < 32; ++x)
          ASSERT_EQ(pixels[at++], pixel(i, c, y, x)) << i << " " << c << " " << y << " " << x;
      }
    }
  }
}

TEST(Svhn, DoesNotMirrorDigits) {
  const TemporaryFolder folder;
  EXPECT_FALSE(Svhn(folder.write("a.mat", svhn_file({1}))).augmentation().mirrors);
}

TEST(Svhn, NamesTheFileAndWhatIsWrongInIt) {
  const TemporaryFolder folder;
  const auto refuses = [&](const Bytes& bytes, const std::string& why) {
    const fs::path path = folder.write("bad.mat", bytes);
    EXPECT_THAT([&] { Svhn{path}; }, ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr(why))));
  };
  refuses(svhn_file({1, 2, 11}), "image 2 has label 11");
  refuses(svhn_file({1, 0}), "image 1 has label 0");
  refuses(svhn_file({1, 2}, {32, 3, 32, 2}), "X is [32, 3, 32, 2], not [32, 32, 3, N]");
  refuses(mat_file({compressed(mat_variable("X", MatClass::kUint8, {32, 32, 3, 2}, columns(2))),
                    compressed(mat_variable("y", MatClass::kUint8, {3, 1}, {1, 2, 3}))}),
          "2 images have 3 labels");
  refuses(mat_file({compressed(mat_variable("X", MatClass::kUint8, {32, 32, 3, 2}, columns(2)))}), "no variable y");
  Bytes cut = svhn_file({1, 2});
  cut.pop_back();
  refuses(cut, "truncated");
}

TEST(FindSvhn, FindsBothFilesInTheFolderOrBelowItAndNamesWhatLacks) {
  for (const std::string under : {"", "svhn/"}) {
    const TemporaryFolder folder;
    const fs::path train = folder.write(under + "train_32x32.mat", svhn_file({1}));
    EXPECT_THAT([&] { find_svhn(folder.path(), "data-dir"); },
                ThrowsMessage<core::UsageError>(HasSubstr("test_32x32.mat is missing beside train_32x32.mat")));
    const fs::path test = folder.write(under + "test_32x32.mat", svhn_file({1}));
    EXPECT_EQ(find_svhn(folder.path(), "data-dir").train, train);
    EXPECT_EQ(find_svhn(folder.path(), "data-dir").validation, test);
  }
  const TemporaryFolder empty;
  EXPECT_THAT([&] { find_svhn(empty.path(), "TRAINYARD_DATA"); },
              ThrowsMessage<core::UsageError>(
                  AllOf(HasSubstr("TRAINYARD_DATA: no SVHN files"), HasSubstr(empty.path().string()))));
  EXPECT_THAT([&] { find_svhn(empty.path() / "none", "data-dir"); },
              ThrowsMessage<core::UsageError>(HasSubstr("none is no folder")));
}

TEST(Svhn, ReadsTheRealFiles) {
  const char* folder = std::getenv("TRAINYARD_DATA");
  if (folder == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA unset)";
  const SvhnFiles files = find_svhn(folder, "TRAINYARD_DATA");
  const Svhn train(files.train);
  const Svhn validation(files.validation);
  EXPECT_GE(train.size(), 835);
  EXPECT_GE(validation.size(), 248);
  std::vector<std::int64_t> labels(10);
  std::vector<double> sum(3), square_sum(3);
  double across = 0, along = 0;  // differences of neighbours
  for (std::int64_t i = 0; i < train.size(); ++i) {
    ++labels[static_cast<std::size_t>(train.label(i))];
    const auto pixels = train.pixels(i, {});
    for (std::size_t p = 0; p < pixels.size(); ++p) {
      const double unit = pixels[p] / 255.0;
      sum[p / 1024] += unit;
      square_sum[p / 1024] += unit * unit;
      if (p % 32 != 31) along += std::abs(pixels[p] - pixels[p + 1]);
      if (p % 1024 < 992) across += std::abs(pixels[p] - pixels[p + 32]);
    }
  }
  // As in the whole set (13,861 ones to 4,659 nines): ones are the most, zeros and nines the fewest.
  EXPECT_GT(labels[1], labels[9]);
  EXPECT_GT(labels[0], 0);
  // House numbers have upright strokes on their side borders: rows change faster along than columns do down.
  EXPECT_GT(along, 1.2 * across);
  for (std::size_t c = 0; c < 3; ++c) {
    const double count = static_cast<double>(train.size()) * 1024;
    const double mean = sum[c] / count;
    EXPECT_NEAR(mean, train.normalisation().mean[c], 0.02);
    EXPECT_NEAR(std::sqrt(square_sum[c] / count - mean * mean), train.normalisation().std[c], 0.02);
  }
}

}  // namespace
}  // namespace trainyard::data
