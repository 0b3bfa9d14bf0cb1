#include "data/digits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "data/digits_file.h"
#include "data/gzip.h"

namespace trainyard::data {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Digits, AreTheFilesImagesDividedAsStated) {
  const auto rows = parse_digits(gunzip(digits_file(), "digits"));
  ASSERT_EQ(rows.size(), 1797u);
  // The file's first line, as scikit-learn's load_digits() gives it.
  EXPECT_EQ(rows[0].label, 0);
  EXPECT_EQ(std::vector<int>(rows[0].pixels.begin(), rows[0].pixels.begin() + 8),
            (std::vector<int>{0, 0, 5, 13, 9, 1, 0, 0}));

  const Digits train(Digits::Part::kTrain);
  const Digits validation(Digits::Part::kValidation);
  EXPECT_EQ(train.shape(), (ImageShape{.channels = 1, .height = 8, .width = 8}));
  ASSERT_EQ(train.size(), 1438);
  ASSERT_EQ(validation.size(), 359);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Digits& part = i % 5 == 4 ? validation : train;
    const auto index = static_cast<std::int64_t>(i % 5 == 4 ? i / 5 : i - i / 5);
    ASSERT_EQ(part.label(index), rows[i].label);
    const auto pixels = part.pixels(index, {});
    ASSERT_TRUE(std::equal(pixels.begin(), pixels.end(), rows[i].pixels.begin(), rows[i].pixels.end()));
  }
}

TEST(Digits, NormaliseByTheirOwnMeanAndDeviation) {
  const Digits train(Digits::Part::kTrain);
  double sum = 0, square_sum = 0;
  for (std::int64_t i = 0; i < train.size(); ++i) {
    for (const std::uint8_t pixel : train.pixels(i, {})) {
      const double unit = pixel / train.normalisation().pixel_max;
      sum += unit;
      square_sum += unit * unit;
    }
  }
  const double count = static_cast<double>(train.size() * 64);
  EXPECT_NEAR(train.normalisation().mean.at(0), sum / count, 5e-5);
  EXPECT_NEAR(train.normalisation().std.at(0), std::sqrt(square_sum / count - sum * sum / count / count), 5e-5);
}

TEST(ParseDigits, NamesTheLineThatIsNone) {
  std::string good;
  for (int i = 0; i < 64; ++i)
    good += "3,";
  good += "7\n";
  ASSERT_EQ(parse_digits(good + good).size(), 2u);
  EXPECT_EQ(parse_digits(good)[0].label, 7);
  const std::string line = good.substr(0, good.size() - 1);
  for (const std::string& bad :
       {std::string("\n"), "1," + line, line.substr(2), line + ",", line + "x", std::string("17") + line.substr(1),
        std::string("-1") + line.substr(1), line.substr(0, line.size() - 1) + "10", std::string("1 ") + line}) {
    EXPECT_THAT([&] { parse_digits(good + bad + "\n"); }, ThrowsMessage<core::Error>(HasSubstr("line 2"))) << bad;
  }
}

TEST(Gunzip, RefusesDamagedData) {
  const auto file = digits_file();
  EXPECT_THAT([&] { gunzip(file.first(file.size() / 2), "digits"); },
              ThrowsMessage<core::Error>(HasSubstr("digits: cannot be inflated")));
  EXPECT_THROW(gunzip(file.subspan(1), "digits"), core::Error);
  EXPECT_THROW(gunzip({}, "digits"), core::Error);
  std::vector<std::uint8_t> damaged(file.begin(), file.end());
  damaged[damaged.size() / 2] ^= 0x10;
  EXPECT_THROW(gunzip(damaged, "digits"), core::Error);
}

}  // namespace
}  // namespace trainyard::data
